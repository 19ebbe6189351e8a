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
from typing import NamedTuple, Protocol

from nas.architecture import MLP_RATIO, RECIPE, Architecture, Options, Stage, spelled
from nas.constraint import Constraints
from nas.counting import Counted, check_countable
from nas.errors import ParameterError

Choice = str | int | float
Parameters = Mapping[str, Choice]


class Space(Protocol):
    """What samplers and studies ask of a search space: a SearchSpace, or whatever else decodes choices."""

    @property
    def name(self) -> str: ...

    @property
    def choices(self) -> Mapping[str, tuple[Choice, ...]]:
        """Parameter name to its options."""

    @property
    def size(self) -> int:
        """How many distinct members."""

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


class MixerChoice(NamedTuple):
    """A token mixer with its options."""

    name: str
    options: Options = ()

    def __str__(self) -> str:
        return spelled(self.name, self.options)


@dataclass(frozen=True)
class StageChoices:
    """What one stage may be, each in ascending cost: token mixers (a name stands for one without options), depths in
    blocks, widths in channels, MLP ratios, norms (None is the recipe's), and whether it has a position embedding.
    """

    mixers: tuple[MixerChoice | str, ...]
    depths: tuple[int, ...]
    widths: tuple[int, ...]
    mlp_ratios: tuple[float, ...] = (MLP_RATIO,)
    norms: tuple[str | None, ...] = (None,)
    positions: tuple[bool, ...] = (False,)

    def __post_init__(self) -> None:
        named = (MixerChoice(mixer) if isinstance(mixer, str) else mixer for mixer in self.mixers)
        object.__setattr__(self, "mixers", tuple(named))
        for name, options in vars(self).items():
            if not options or len(set(options)) != len(options):
                raise ParameterError(f"stage {name} {options!r} must be distinct and at least one")

    @cached_property
    def fields(self) -> dict[str, dict[Choice, object]]:
        """Field of a stage, to its options: how a sampler names each, to what it is."""
        return {
            "mixer": {str(mixer): mixer for mixer in self.mixers},
            "depth": {depth: depth for depth in self.depths},
            "width": {width: width for width in self.widths},
            "mlp_ratio": {ratio: ratio for ratio in self.mlp_ratios},
            "norm": {norm or "recipe": norm for norm in self.norms},
            "position": {"learned" if position else "none": position for position in self.positions},
        }

    def members(self) -> Iterator[Stage]:
        """Every stage that this may be."""
        for mixer, *rest in product(self.mixers, *list(vars(self).values())[1:6]):
            yield _stage(mixer, *rest)


def _stage(mixer: MixerChoice, depth: int, width: int, mlp_ratio: float, norm: str | None, position: bool) -> Stage:
    return Stage(mixer.name, depth, width, mlp_ratio, mixer.options, norm, position)


# These are parameters of every space, so that studies of one space keep theirs when a further field is added.
_ALWAYS = ("mixer", "depth", "width")


@dataclass(frozen=True)
class SearchSpace:
    """The product of its stages' choices, less what its constraints forbid. Members are distinct architectures."""

    name: str
    description: str
    stages: tuple[StageChoices, ...]
    recipe: str = RECIPE
    constraints: Constraints = dataclasses.field(default_factory=Constraints)

    @cached_property
    def choices(self) -> dict[str, tuple[Choice, ...]]:
        """Parameter name (`stage1.mixer`, `stage1.depth`, ...) to its options, in the order that samplers see."""
        return {
            f"stage{number}.{field}": tuple(options)
            for number, stage in enumerate(self.stages, start=1)
            for field, options in stage.fields.items()
            if field in _ALWAYS or len(options) > 1
        }

    @cached_property
    def size(self) -> int:
        """How many distinct architectures the space holds."""
        return self._counted.size if self.constraints else math.prod(map(len, self.choices.values()))

    @cached_property
    def key(self) -> str:
        """Identity of the declaration, but for its name and description: 48-bit hash, in hex."""
        declared = repr((self.stages, self.recipe, self.constraints))
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
        stages = []
        for number, stage in enumerate(self.stages, start=1):
            chosen = {
                field: options[parameters.get(f"stage{number}.{field}", next(iter(options)))]
                for field, options in stage.fields.items()
            }
            stages.append(_stage(**chosen))  # type: ignore[arg-type]
        return Architecture(tuple(stages), self.recipe)

    def allows(self, architecture: Architecture) -> bool:
        """Whether the constraints allow it."""
        return self.constraints.allow(architecture)

    def decode(self, parameters: Parameters) -> Architecture:
        """The member that the named choices describe.

        Raises ParameterError as `compose` does, and when a constraint forbids the architecture.
        """
        architecture = self.compose(parameters)
        if not self.allows(architecture):
            raise ParameterError(f"architecture {architecture.word} is outside the constraints of space {self.name!r}")
        return architecture

    def encode(self, architecture: Architecture) -> dict[str, Choice]:
        """The named choices of `architecture`, the inverse of `decode`.

        Raises ParameterError when the architecture is not a member of the space.
        """
        parameters: dict[str, Choice] = {}
        for number, (stage, choices) in enumerate(zip(architecture.stages, self.stages, strict=False), start=1):
            for field, options in choices.fields.items():
                value = MixerChoice(stage.mixer, stage.options) if field == "mixer" else getattr(stage, field)
                named = [name for name, option in options.items() if option == value]
                if not named:
                    raise ParameterError(f"stage{number}.{field} {value} is not one of {', '.join(map(str, options))}")
                if f"stage{number}.{field}" in self.choices:
                    parameters[f"stage{number}.{field}"] = named[0]
        if len(architecture.stages) != len(self.stages) or self.decode(parameters) != architecture:
            raise ParameterError(f"architecture {architecture.word} is not a member of space {self.name!r}")
        return parameters

    def sample(self, generator: random.Random) -> Architecture:
        """A member drawn uniformly with the caller's generator. Raises ParameterError when there is none."""
        if self.constraints:
            return self._counted.sample(generator)
        return self.compose({name: generator.choice(options) for name, options in self.choices.items()})

    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]:
        """Every member that differs from `architecture` in one choice."""
        parameters = self.encode(architecture)
        for name, options in self.choices.items():
            for option in options:
                if option != parameters[name]:
                    other = self.compose(parameters | {name: option})
                    if self.allows(other):
                        yield other

    def __iter__(self) -> Iterator[Architecture]:
        """Every member, the first choices first. Lazy: a space may hold more than a computer can list."""
        if self.constraints:
            return iter(self._counted)
        return (
            self.compose(dict(zip(self.choices, chosen, strict=True))) for chosen in product(*self.choices.values())
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
    def _counted(self) -> Counted:
        choices = [math.prod(map(len, stage.fields.values())) for stage in self.stages]
        check_countable(choices, [len(stage.widths) for stage in self.stages])
        return Counted([list(stage.members()) for stage in self.stages], self.recipe, self.constraints)
