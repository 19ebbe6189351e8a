"""A search space as JSON values, which a study keeps: it goes on where the space's file is not."""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from nas.architecture import Architecture, ModelInput, Stem
from nas.space.choices import BlueprintChoices, MixerChoice, StageChoices
from nas.space.constraint import Constraints, Limit
from nas.space.search_space import SearchSpace


def space_to_dict(space: SearchSpace) -> dict[str, Any]:
    """The space, but for its variants for other sizes of pictures."""
    constraints = space.constraints
    return {
        "name": space.name,
        "description": space.description,
        "recipe": space.recipe,
        "stages": [
            {**_lists(stage), "mixers": [_mixer_to_dict(mixer) for mixer in stage.mixers]} for stage in space.stages
        ],
        "blueprint": {
            **_lists(space.blueprint),
            "stems": [None if stem is None else stem.to_dict() for stem in space.blueprint.stems],
        },
        "constraints": {
            "order": [list(group) for group in constraints.order],
            "limits": [
                # JSON has no infinity.
                {"quantity": limit.quantity, "least": limit.least, "most": _finite(limit.most)}
                for limit in constraints.limits
            ],
            "model_input": None if constraints.model_input is None else constraints.model_input.to_dict(),
            "builder": constraints.builder,
        },
        "starts": [start.to_dict() for start in space.starts],
    }


def space_from_dict(declaration: Mapping[str, Any]) -> SearchSpace:
    """The inverse of `space_to_dict`: the space has the same key."""
    constraints, blueprint = declaration["constraints"], declaration["blueprint"]
    model_input = constraints["model_input"]
    return SearchSpace(
        name=declaration["name"],
        description=declaration["description"],
        recipe=declaration["recipe"],
        stages=tuple(_stage(stage) for stage in declaration["stages"]),
        blueprint=BlueprintChoices(
            **{
                **_tuples(blueprint),
                "stems": tuple(None if stem is None else Stem.from_dict(stem) for stem in blueprint["stems"]),
            }
        ),
        constraints=Constraints(
            order=tuple(tuple(group) for group in constraints["order"]),
            limits=tuple(
                Limit(limit["quantity"], limit["least"], math.inf if limit["most"] is None else limit["most"])
                for limit in constraints["limits"]
            ),
            model_input=None if model_input is None else ModelInput.from_dict(model_input),
            builder=constraints["builder"],
        ),
        starts=tuple(Architecture.from_dict(start) for start in declaration["starts"]),
    )


def _mixer_to_dict(mixer: MixerChoice | str) -> dict[str, Any]:
    choice = MixerChoice(mixer) if isinstance(mixer, str) else mixer
    return {"name": choice.name, "options": dict(choice.options)}


def _stage(declared: Mapping[str, Any]) -> StageChoices:
    mixers = tuple(MixerChoice(mixer["name"], tuple(mixer["options"].items())) for mixer in declared["mixers"])
    return StageChoices(**{**_tuples(declared), "mixers": mixers})


def _lists(choices: StageChoices | BlueprintChoices) -> dict[str, list[Any]]:
    return {entry.name: list(getattr(choices, entry.name)) for entry in fields(choices)}


def _tuples(declared: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(values) for name, values in declared.items()}


def _finite(value: float) -> float | None:
    return None if value == math.inf else value
