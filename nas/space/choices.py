"""The choices of a search space: those of each stage, and those of the blueprint that all stages share."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import NamedTuple

from nas.architecture import MLP_RATIO, Blueprint, Options, Stage, Stem, mixer_label
from nas.errors import ParameterError

Choice = str | int | float
# Fields that mean nothing for a stage without blocks.
BLOCK_FIELDS = ("mixer", "mlp_ratio")


class MixerChoice(NamedTuple):
    """A token mixer with its options."""

    name: str
    options: Options = ()

    def __str__(self) -> str:
        return mixer_label(self.name, self.options)


@dataclass(frozen=True)
class StageChoices:
    """The options of one stage, each in ascending order of cost.

    `mixers` are token mixers (a string is a mixer without options), `depths` count blocks (0 for a stage that only
    changes the width), `widths` are in channels, `mlp_ratios` are 0 without an MLP, `norms` are None for the
    blueprint's, and `positions` tell whether the stage has a position embedding.
    """

    mixers: tuple[MixerChoice | str, ...]
    depths: tuple[int, ...]
    widths: tuple[int, ...]
    mlp_ratios: tuple[float, ...] = (MLP_RATIO,)
    norms: tuple[str | None, ...] = (None,)
    positions: tuple[bool, ...] = (False,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mixers", self.mixer_choices)
        for name, options in vars(self).items():
            check_distinct(f"stage {name}", options)

    @property
    def mixer_choices(self) -> tuple[MixerChoice, ...]:
        """The mixers, each with its options."""
        return tuple(MixerChoice(mixer) if isinstance(mixer, str) else mixer for mixer in self.mixers)

    @cached_property
    def fields(self) -> dict[str, dict[Choice, object]]:
        """The options of each field of a stage: the sampler's name of an option to its value."""
        return {
            "mixer": {str(mixer): mixer for mixer in self.mixers},
            "depth": {depth: depth for depth in self.depths},
            "width": {width: width for width in self.widths},
            "mlp_ratio": {ratio: ratio for ratio in self.mlp_ratios},
            "norm": {norm or "recipe": norm for norm in self.norms},
            "position": {"learned" if position else "none": position for position in self.positions},
        }

    @property
    def size(self) -> int:
        """The number of distinct stages."""
        return self._with_blocks + self._without_blocks

    def members(self) -> Iterator[Stage]:
        """Yield every distinct stage."""
        options = (list(field.values()) for field in self.fields.values())
        names = list(self.fields)
        members = (build_stage(dict(zip(names, values, strict=True))) for values in product(*options))
        # Only stages without blocks have several combinations of options.
        return iter(dict.fromkeys(members)) if 0 in self.depths else members

    def sample(self, generator: random.Random) -> dict[str, Choice]:
        """Draw a stage uniformly from the distinct ones, and return its options by field."""
        options_by_field = {name: draw_option(options, generator) for name, options in self.fields.items()}
        if 0 in self.depths:
            is_empty = generator.randrange(self.size) < self._without_blocks
            positive_depths = [depth for depth in self.depths if depth > 0]
            options_by_field["depth"] = 0 if is_empty else generator.choice(positive_depths)
        return options_by_field

    @property
    def _without_blocks(self) -> int:
        counts = (len(options) for name, options in self.fields.items() if name not in (*BLOCK_FIELDS, "depth"))
        return prod(counts) if 0 in self.depths else 0

    @property
    def _with_blocks(self) -> int:
        depths = sum(depth > 0 for depth in self.depths)
        return depths * prod(len(options) for name, options in self.fields.items() if name != "depth")


@dataclass(frozen=True)
class BlueprintChoices:
    """The options of the blueprint, shared by all stages; None is the recipe's own (nas/architecture/blueprint.py)."""

    stems: tuple[Stem | None, ...] = (None,)
    downsamples: tuple[str | None, ...] = (None,)
    norms: tuple[str | None, ...] = (None,)
    activations: tuple[str | None, ...] = (None,)
    blocks: tuple[str | None, ...] = (None,)

    def __post_init__(self) -> None:
        for name, options in vars(self).items():
            check_distinct(f"blueprint {name}", options)

    @cached_property
    def fields(self) -> dict[str, dict[Choice, object]]:
        """The options of each field of a blueprint: the sampler's name of an option to its value."""
        stems: dict[Choice, object] = {"recipe" if stem is None else stem.label: stem for stem in self.stems}
        named = {
            "downsample": self.downsamples,
            "norm": self.norms,
            "activation": self.activations,
            "block": self.blocks,
        }
        return {"stem": stems} | {
            name: {value or "recipe": value for value in options} for name, options in named.items()
        }

    def members(self) -> Iterator[Blueprint]:
        """Yield every blueprint."""
        for values in product(*(options.values() for options in self.fields.values())):
            yield Blueprint(**dict(zip(self.fields, values, strict=True)))  # type: ignore[arg-type]


def draw_option(options: Mapping[Choice, object], generator: random.Random) -> Choice:
    """Draw one of the options; a single option does not advance the generator."""
    return generator.choice(list(options)) if len(options) > 1 else next(iter(options))


def build_stage(values: dict[str, object]) -> Stage:
    """Build the stage with these values by field."""
    mixer = values["mixer"]
    assert isinstance(mixer, MixerChoice)  # noqa: S101 - for the type checker
    rest = {name: value for name, value in values.items() if name != "mixer"}
    return Stage(mixer=mixer.name, options=mixer.options, **rest)  # type: ignore[arg-type]


def check_distinct(name: str, options: tuple[object, ...]) -> None:
    """Raises ParameterError unless there is at least one option and all are distinct."""
    if not options or len(set(options)) != len(options):
        raise ParameterError(f"{name} {options!r} must be distinct and at least one")
