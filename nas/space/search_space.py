"""A search space, declared as data: named choices from which architectures are decoded, and constraints on them.

Random draws, Optuna's distributions, neighbours and tests all read the one declaration.
"""

import dataclasses
import hashlib
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, Protocol

from nas.architecture import RECIPE, Architecture, Blueprint, ModelInput
from nas.errors import ParameterError
from nas.space.choices import BLOCK_FIELDS, drawn_from, stage_of
from nas.space.choices import BlueprintChoices as BlueprintChoices
from nas.space.choices import Choice as Choice
from nas.space.choices import MixerChoice as MixerChoice
from nas.space.choices import StageChoices as StageChoices
from nas.space.constraint import Constraints
from nas.space.counting import Counted, check_countable

Parameters = Mapping[str, Choice]


class Space(Protocol):
    """What samplers and studies ask of a search space: a SearchSpace, or whatever else decodes choices."""

    @property
    def name(self) -> str: ...

    @property
    def choices(self) -> Mapping[str, tuple[Choice, ...]]:
        """Parameter name to its options."""

    @property
    def unused(self) -> Mapping[tuple[str, Choice], tuple[str, ...]]:
        """A parameter with one of its options, to the parameters that then mean nothing: of a stage without blocks its
        mixer. Members are encoded with the first option of those.
        """

    @property
    def is_free(self) -> bool:
        """Whether any combination of choices makes a member."""

    @property
    def size(self) -> int:
        """The number of distinct members."""

    def compose(self, parameters: Parameters) -> Architecture:
        """What the choices describe, whether it is a member or not."""

    def allows(self, architecture: Architecture) -> bool:
        """Whether it is a member."""

    def decode(self, parameters: Parameters) -> Architecture: ...

    def encode(self, architecture: Architecture) -> Mapping[str, Choice]: ...

    def sample(self, generator: random.Random) -> Architecture: ...

    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]: ...

    def smallest_of_each_mixer(self) -> Iterator[Architecture]: ...

    def __iter__(self) -> Iterator[Architecture]: ...


# These are parameters of every space, so that studies of one space keep theirs when a further field is added.
_ALWAYS = ("mixer", "depth", "width")


@dataclass(frozen=True)
class SearchSpace:
    """The product of its stages' and its blueprint's choices, less what its constraints forbid. Members are distinct
    architectures.

    `starts` are members that a search tries first, since networks like them are known to be good. `variants` are other
    spaces of the same family, each with the shorter side in px up to which it is the one for a picture, ascending; a
    search takes the one that its pictures ask for. Neither is part of what the space is.
    """

    name: str
    description: str
    stages: tuple[StageChoices, ...]
    recipe: str = RECIPE
    constraints: Constraints = dataclasses.field(default_factory=Constraints)
    blueprint: BlueprintChoices = BlueprintChoices()  # noqa: RUF009 - frozen
    starts: tuple[Architecture, ...] = ()
    variants: tuple[tuple[float, "SearchSpace"], ...] = ()

    def for_pictures(self, model_input: ModelInput) -> "SearchSpace":
        """The variant for pictures of that size; this space where it has none."""
        side_px = min(model_input.height_px, model_input.width_px)
        return next((space for largest_px, space in self.variants if side_px <= largest_px), self)

    @cached_property
    def choices(self) -> dict[str, tuple[Choice, ...]]:
        """Parameter name (`stem`, `stage1.mixer`, ...) to its options, in the order that samplers see."""
        return {name: tuple(options) for name, options in self._fields.items()}

    @cached_property
    def unused(self) -> dict[tuple[str, Choice], tuple[str, ...]]:
        """As Space has it: of stages without blocks the mixer and the MLP ratio."""
        return {
            (f"stage{number}.depth", 0): tuple(
                name for field in BLOCK_FIELDS if (name := f"stage{number}.{field}") in self.choices
            )
            for number, stage in enumerate(self.stages, start=1)
            if 0 in stage.depths
        }

    @property
    def is_free(self) -> bool:
        """Whether there is no constraint."""
        return not self.constraints

    @cached_property
    def size(self) -> int:
        """The number of distinct architectures."""
        if self.constraints:
            return sum(each.size for each in self._counted)
        blueprints = math.prod(map(len, self.blueprint.fields.values()))
        return blueprints * math.prod(stage.size for stage in self.stages)

    @cached_property
    def key(self) -> str:
        """Identity of the declaration, its name, description and starts excepted: 48-bit hash, in hex."""
        declared = repr((self.stages, self.recipe, self.constraints))
        if self.blueprint != BlueprintChoices():
            declared += repr(self.blueprint)
        return hashlib.blake2b(declared.encode(), digest_size=6).hexdigest()

    def compose(self, parameters: Parameters) -> Architecture:
        """The architecture that the named choices describe, whether the constraints allow it or not.

        Raises ParameterError when a choice is missing, unknown or not among its options.
        """
        if parameters.keys() != self.choices.keys():
            odd = ", ".join(sorted(parameters.keys() ^ self.choices.keys()))
            raise ParameterError(f"parameters of space {self.name!r} are missing or unknown: {odd}")
        for name, options in self.choices.items():
            if parameters[name] not in options:
                raise ParameterError(f"{name} {parameters[name]!r} is not one of {', '.join(map(str, options))}")

        def chosen(prefix: str, fields: Mapping[str, Mapping[Choice, object]]) -> dict[str, Any]:
            return {
                field: options[parameters.get(f"{prefix}{field}", next(iter(options)))]
                for field, options in fields.items()
            }

        blueprint = Blueprint(**chosen("", self.blueprint.fields))
        stages = [stage_of(chosen(f"stage{number}.", stage.fields)) for number, stage in enumerate(self.stages, 1)]
        return Architecture(tuple(stages), self.recipe, blueprint)

    def allows(self, architecture: Architecture) -> bool:
        """Whether the constraints allow it."""
        return self.constraints.allow(architecture)

    def decode(self, parameters: Parameters) -> Architecture:
        """The member that the named choices describe.

        Raises ParameterError as `compose` does, and when a constraint forbids the architecture.
        """
        architecture = self.compose(parameters)
        if not self.allows(architecture):
            raise ParameterError(
                f"architecture {architecture.layout} is outside the constraints of space {self.name!r}"
            )
        return architecture

    def encode(self, architecture: Architecture) -> dict[str, Choice]:
        """The named choices of `architecture`, of which `decode` makes it again.

        A stage without blocks is named by the first mixer and MLP ratio. Raises ParameterError when the architecture is
        not a member of the space.
        """
        parameters: dict[str, Choice] = {}

        def name_of(name: str, options: Mapping[Choice, object], value: object, shown: object = None) -> None:
            named = [each for each, option in options.items() if option == value]
            if not named:
                raise ParameterError(
                    f"{name} {value if shown is None else shown} is not one of {', '.join(map(str, options))}"
                )
            if name in self.choices:
                parameters[name] = named[0]

        for field, options in self.blueprint.fields.items():
            name_of(field, options, getattr(architecture.blueprint, field), architecture.blueprint.labels[field])
        for number, (stage, choices) in enumerate(zip(architecture.stages, self.stages, strict=False), start=1):
            for field, options in choices.fields.items():
                value = MixerChoice(stage.mixer, stage.options) if field == "mixer" else getattr(stage, field)
                if stage.depth == 0 and field in BLOCK_FIELDS:
                    value = next(iter(options.values()))
                name_of(f"stage{number}.{field}", options, value)
        if len(architecture.stages) != len(self.stages) or self.decode(parameters) != architecture:
            raise ParameterError(f"architecture {architecture.layout} is not a member of space {self.name!r}")
        return parameters

    def sample(self, generator: random.Random) -> Architecture:
        """A member drawn uniformly with the caller's generator. Raises ParameterError when there is none."""
        if self.constraints:
            (counted,) = generator.choices(self._counted, [each.size for each in self._counted] if self.size else None)
            return counted.sample(generator)
        drawn = {name: drawn_from(options, generator) for name, options in self.blueprint.fields.items()}
        for number, stage in enumerate(self.stages, start=1):
            drawn |= {f"stage{number}.{field}": option for field, option in stage.sample(generator).items()}
        return self.compose({name: drawn[name] for name in self.choices})

    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]:
        """Every member that differs from `architecture` in one choice.

        A stage without blocks differs in one choice, its depth, from those with any mixer.
        """
        parameters = self.encode(architecture)
        seen = {architecture}
        for name, options in self.choices.items():
            for option in options:
                for changed in self._changed(parameters, name, option):
                    other = self.compose(changed)
                    if other not in seen and self.allows(other):
                        seen.add(other)
                        yield other

    def _changed(self, parameters: Parameters, name: str, option: Choice) -> Iterator[Parameters]:
        """The parameters with one option changed; of a stage that gets its first blocks, with any mixer and ratio."""
        stage, _, field = name.partition(".")
        changed = {**parameters, name: option}
        if field != "depth" or parameters[name] != 0 or option == 0:
            yield changed
            return
        open_fields = [full for each in BLOCK_FIELDS if (full := f"{stage}.{each}") in self.choices]
        for chosen in product(*(self.choices[each] for each in open_fields)):
            yield changed | dict(zip(open_fields, chosen, strict=True))

    def __iter__(self) -> Iterator[Architecture]:
        """Every member, the first choices first. Lazy: a space may hold more than a computer can list."""
        if self.constraints:
            return (member for counted in self._counted for member in counted)
        # Each stage's members are listed once for all blueprints.
        stages = [list(stage.members()) for stage in self.stages]
        return (
            Architecture(chosen, self.recipe, blueprint)
            for blueprint in self.blueprint.members()
            for chosen in product(*stages)
        )

    def smallest_of_each_mixer(self) -> Iterator[Architecture]:
        """For each mixer, the member that uses it wherever it may at the least depth and width: the likely fastest."""
        seen: set[str] = set()
        for mixer in dict.fromkeys(mixer for stage in self.stages for mixer in stage.fields["mixer"]):
            smallest = {
                name: mixer if mixer in options else options[0] if isinstance(options[0], str) else min(options)
                for name, options in self.choices.items()
            }
            architecture = self.compose(smallest)
            if architecture.key not in seen and self.allows(architecture):
                seen.add(architecture.key)
                yield architecture

    @cached_property
    def _fields(self) -> dict[str, Mapping[Choice, object]]:
        blueprint = {name: options for name, options in self.blueprint.fields.items() if len(options) > 1}
        stages = {
            f"stage{number}.{field}": options
            for number, stage in enumerate(self.stages, start=1)
            for field, options in stage.fields.items()
            if field in _ALWAYS or len(options) > 1
        }
        return {**blueprint, **stages}

    @cached_property
    def _counted(self) -> list[Counted]:
        """For each blueprint, since what a stage costs depends on it."""
        check_countable([stage.size for stage in self.stages], [len(stage.widths) for stage in self.stages])
        options = [list(stage.members()) for stage in self.stages]
        return [Counted(options, self.recipe, blueprint, self.constraints) for blueprint in self.blueprint.members()]
