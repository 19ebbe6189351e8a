"""A search space, declared as data: named choices from which architectures are decoded.

Random draws, Optuna's distributions, neighbours and tests all read the one declaration.
"""

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from nas.architecture import Architecture, Stage
from nas.errors import ParameterError

Choice = str | int
Parameters = Mapping[str, Choice]


@dataclass(frozen=True)
class StageChoices:
    """What one stage may be: its token mixers, depths (blocks) and widths (channels), each in ascending cost."""

    mixers: tuple[str, ...]
    depths: tuple[int, ...]
    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        for name in ("mixers", "depths", "widths"):
            options = getattr(self, name)
            if not options or len(set(options)) != len(options):
                raise ParameterError(f"stage {name} {options!r} must be distinct and at least one")


@dataclass(frozen=True)
class SearchSpace:
    """The product of its stages' choices. Every member is one distinct architecture."""

    name: str
    description: str
    stages: tuple[StageChoices, ...]

    @cached_property
    def choices(self) -> dict[str, tuple[Choice, ...]]:
        """Parameter name (`stage1.mixer`, `stage1.depth`, ...) to its options, in the order that samplers see."""
        return {
            f"stage{number}.{field}": options
            for number, stage in enumerate(self.stages, start=1)
            for field, options in (("mixer", stage.mixers), ("depth", stage.depths), ("width", stage.widths))
        }

    @property
    def size(self) -> int:
        """How many distinct architectures the space holds."""
        return math.prod(len(options) for options in self.choices.values())

    def decode(self, parameters: Parameters) -> Architecture:
        """The architecture that the named choices describe.

        Raises ParameterError when a choice is missing, unknown or not among its options.
        """
        if parameters.keys() != self.choices.keys():
            odd = ", ".join(sorted(parameters.keys() ^ self.choices.keys()))
            raise ParameterError(f"parameters of space {self.name!r} are missing or unknown: {odd}")
        for name, options in self.choices.items():
            if parameters[name] not in options:
                raise ParameterError(f"{name} {parameters[name]!r} is not one of {', '.join(map(str, options))}")
        return Architecture(
            tuple(
                Stage(
                    mixer=str(parameters[f"stage{number}.mixer"]),
                    depth=int(parameters[f"stage{number}.depth"]),
                    width=int(parameters[f"stage{number}.width"]),
                )
                for number in range(1, len(self.stages) + 1)
            )
        )

    def encode(self, architecture: Architecture) -> dict[str, Choice]:
        """The named choices of `architecture`, the inverse of `decode`.

        Raises ParameterError when the architecture is not a member of the space.
        """
        parameters: dict[str, Choice] = {}
        for number, stage in enumerate(architecture.stages, start=1):
            parameters |= {
                f"stage{number}.mixer": stage.mixer,
                f"stage{number}.depth": stage.depth,
                f"stage{number}.width": stage.width,
            }
        self.decode(parameters)
        return parameters

    def sample(self, generator: random.Random) -> Architecture:
        """A member drawn uniformly with the caller's generator."""
        return self.decode({name: generator.choice(options) for name, options in self.choices.items()})

    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]:
        """Every member that differs from `architecture` in one choice."""
        parameters = self.encode(architecture)
        for name, options in self.choices.items():
            for option in options:
                if option != parameters[name]:
                    yield self.decode(parameters | {name: option})

    def __iter__(self) -> Iterator[Architecture]:
        """Every member, the first choices first. Lazy: a space may hold more than a computer can list."""
        names = list(self.choices)

        def expand(index: int, chosen: dict[str, Choice]) -> Iterator[Architecture]:
            if index == len(names):
                yield self.decode(chosen)
                return
            for option in self.choices[names[index]]:
                yield from expand(index + 1, chosen | {names[index]: option})

        return expand(0, {})

    def smallest_of_each_mixer(self) -> Iterator[Architecture]:
        """For each mixer, the member that uses it wherever it may at the least depth and width: the likely fastest."""
        mixers = dict.fromkeys(mixer for stage in self.stages for mixer in stage.mixers)
        seen: set[str] = set()
        for mixer in mixers:
            architecture = Architecture(
                tuple(
                    Stage(mixer if mixer in stage.mixers else stage.mixers[0], min(stage.depths), min(stage.widths))
                    for stage in self.stages
                )
            )
            if architecture.key not in seen:
                seen.add(architecture.key)
                yield architecture
