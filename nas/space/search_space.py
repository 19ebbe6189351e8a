"""Search spaces declared as data: named choices that decode to architectures, and constraints on them.

Sampling, Optuna's distributions, neighbours and tests all read the same declaration.
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
from nas.space.choices import BLOCK_FIELDS, build_stage, draw_option
from nas.space.choices import BlueprintChoices as BlueprintChoices
from nas.space.choices import Choice as Choice
from nas.space.choices import MixerChoice as MixerChoice
from nas.space.choices import StageChoices as StageChoices
from nas.space.constraint import Constraints
from nas.space.counting import ConstrainedMembers, check_countable

Parameters = Mapping[str, Choice]


class Space(Protocol):
    """The protocol of search spaces for samplers and studies, which SearchSpace implements."""

    @property
    def name(self) -> str: ...

    @property
    def choices(self) -> Mapping[str, tuple[Choice, ...]]:
        """The options of each parameter, by name."""

    @property
    def unused(self) -> Mapping[tuple[str, Choice], tuple[str, ...]]:
        """The parameters that each (parameter, option) makes meaningless, such as the mixer of a stage without blocks.

        Members are encoded with the first option of those.
        """

    @property
    def is_free(self) -> bool:
        """Whether every combination of choices is a member."""

    @property
    def size(self) -> int:
        """The number of distinct members."""

    def compose(self, parameters: Parameters) -> Architecture:
        """Build the architecture that the choices describe, whether it is a member or not."""

    def allows(self, architecture: Architecture) -> bool:
        """Whether a composed architecture is a member."""

    def decode(self, parameters: Parameters) -> Architecture: ...

    def encode(self, architecture: Architecture) -> Mapping[str, Choice]: ...

    def sample(self, generator: random.Random) -> Architecture: ...

    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]: ...

    def smallest_of_each_mixer(self) -> Iterator[Architecture]: ...

    def __iter__(self) -> Iterator[Architecture]: ...


# Parameters of every space, even with one option, so that the parameters of existing studies stay the same.
_ALWAYS = ("mixer", "depth", "width")


@dataclass(frozen=True)
class SearchSpace:
    """The product of the stages' and the blueprint's choices, without the architectures that the constraints forbid.

    Members are distinct architectures. `starts` are members that a search tries first, since similar networks are known
    to be good. `variants` are other spaces of the same family, each with the largest shorter side in px of its images,
    ascending; a search selects the variant for its images. Neither is part of the space's identity.
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
        """Return the variant for images of that size; this space where it has none."""
        side_px = min(model_input.height_px, model_input.width_px)
        return next((space for largest_px, space in self.variants if side_px <= largest_px), self)

    @cached_property
    def choices(self) -> dict[str, tuple[Choice, ...]]:
        """The options of each parameter (`stem`, `stage1.mixer`, ...), in the order that samplers see."""
        return {name: tuple(options) for name, options in self._fields.items()}

    @cached_property
    def unused(self) -> dict[tuple[str, Choice], tuple[str, ...]]:
        """The mixer and MLP ratio of stages without blocks; see Space."""
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
            return sum(members.size for members in self._constrained)
        blueprints = math.prod(map(len, self.blueprint.fields.values()))
        return blueprints * math.prod(stage.size for stage in self.stages)

    @cached_property
    def key(self) -> str:
        """The identity of the declaration without name, description, starts and variants: 48-bit hex hash."""
        declared = repr((self.stages, self.recipe, self.constraints))
        if self.blueprint != BlueprintChoices():
            declared += repr(self.blueprint)
        return hashlib.blake2b(declared.encode(), digest_size=6).hexdigest()

    def compose(self, parameters: Parameters) -> Architecture:
        """Build the architecture that the named choices describe, whether the constraints allow it or not.

        Raises ParameterError when a choice is missing, unknown or not among its options.
        """
        if parameters.keys() != self.choices.keys():
            names = ", ".join(sorted(parameters.keys() ^ self.choices.keys()))
            raise ParameterError(f"parameters of space {self.name!r} are missing or unknown: {names}")
        for name, options in self.choices.items():
            if parameters[name] not in options:
                raise ParameterError(f"{name} {parameters[name]!r} is not one of {', '.join(map(str, options))}")

        def values(prefix: str, fields: Mapping[str, Mapping[Choice, object]]) -> dict[str, Any]:
            return {
                field: options[parameters.get(f"{prefix}{field}", next(iter(options)))]
                for field, options in fields.items()
            }

        blueprint = Blueprint(**values("", self.blueprint.fields))
        stages = [build_stage(values(f"stage{number}.", stage.fields)) for number, stage in enumerate(self.stages, 1)]
        return Architecture(tuple(stages), self.recipe, blueprint)

    def allows(self, architecture: Architecture) -> bool:
        """Whether the constraints allow the architecture."""
        return self.constraints.allow(architecture)

    def decode(self, parameters: Parameters) -> Architecture:
        """Build the member that the named choices describe.

        Raises ParameterError as `compose` does, and when a constraint forbids the architecture.
        """
        architecture = self.compose(parameters)
        if not self.allows(architecture):
            raise ParameterError(
                f"architecture {architecture.layout} is outside the constraints of space {self.name!r}"
            )
        return architecture

    def encode(self, architecture: Architecture) -> dict[str, Choice]:
        """Return the named choices of `architecture`, the inverse of `decode`.

        A stage without blocks is encoded with the first mixer and MLP ratio. Raises ParameterError when the
        architecture is not a member of the space.
        """
        parameters: dict[str, Choice] = {}

        def encode_field(name: str, options: Mapping[Choice, object], value: object, label: object = None) -> None:
            matches = [choice for choice, option in options.items() if option == value]
            if not matches:
                raise ParameterError(
                    f"{name} {value if label is None else label} is not one of {', '.join(map(str, options))}"
                )
            if name in self.choices:
                parameters[name] = matches[0]

        for field, options in self.blueprint.fields.items():
            encode_field(field, options, getattr(architecture.blueprint, field), architecture.blueprint.labels[field])
        for number, (stage, choices) in enumerate(zip(architecture.stages, self.stages, strict=False), start=1):
            for field, options in choices.fields.items():
                value = MixerChoice(stage.mixer, stage.options) if field == "mixer" else getattr(stage, field)
                if stage.depth == 0 and field in BLOCK_FIELDS:
                    value = next(iter(options.values()))
                encode_field(f"stage{number}.{field}", options, value)
        if len(architecture.stages) != len(self.stages) or self.decode(parameters) != architecture:
            raise ParameterError(f"architecture {architecture.layout} is not a member of space {self.name!r}")
        return parameters

    def sample(self, generator: random.Random) -> Architecture:
        """Draw a member uniformly with the caller's generator. Raises ParameterError when there is none."""
        if self.constraints:
            sizes = [members.size for members in self._constrained] if self.size else None
            (members,) = generator.choices(self._constrained, sizes)
            return members.sample(generator)
        parameters = {name: draw_option(options, generator) for name, options in self.blueprint.fields.items()}
        for number, stage in enumerate(self.stages, start=1):
            parameters |= {f"stage{number}.{field}": option for field, option in stage.sample(generator).items()}
        return self.compose({name: parameters[name] for name in self.choices})

    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]:
        """Yield every member that differs from `architecture` in one choice.

        A stage without blocks and one with blocks of any mixer differ in one choice, the depth.
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
        """Yield the parameters with one option changed, and any mixer and MLP ratio for a stage that gets blocks."""
        stage, _, field = name.partition(".")
        changed = {**parameters, name: option}
        if field != "depth" or parameters[name] != 0 or option == 0:
            yield changed
            return
        block_fields = [name for block_field in BLOCK_FIELDS if (name := f"{stage}.{block_field}") in self.choices]
        for options in product(*(self.choices[block_field] for block_field in block_fields)):
            yield changed | dict(zip(block_fields, options, strict=True))

    def __iter__(self) -> Iterator[Architecture]:
        """Yield every member in the order of the choices, lazily: a space may be too large to list."""
        if self.constraints:
            return (member for members in self._constrained for member in members)
        # Each stage's members are listed once for all blueprints.
        options = [list(stage.members()) for stage in self.stages]
        return (
            Architecture(stages, self.recipe, blueprint)
            for blueprint in self.blueprint.members()
            for stages in product(*options)
        )

    def smallest_of_each_mixer(self) -> Iterator[Architecture]:
        """Yield for each mixer the likely fastest member: the mixer wherever possible, at minimum depth and width."""
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
    def _constrained(self) -> list[ConstrainedMembers]:
        """The constrained members of each blueprint, on which the cost of a stage depends."""
        check_countable([stage.size for stage in self.stages], [len(stage.widths) for stage in self.stages])
        options = [list(stage.members()) for stage in self.stages]
        return [
            ConstrainedMembers(options, self.recipe, blueprint, self.constraints)
            for blueprint in self.blueprint.members()
        ]
