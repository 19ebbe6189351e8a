"""What a search space leaves open: the choices of a stage, and those of the blueprint that all stages share."""

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
# Fields that a stage without blocks does not have.
BLOCK_FIELDS = ("mixer", "mlp_ratio")


class MixerChoice(NamedTuple):
    """A token mixer with its options."""

    name: str
    options: Options = ()

    def __str__(self) -> str:
        return mixer_label(self.name, self.options)


@dataclass(frozen=True)
class StageChoices:
    """Options of one stage, each in ascending cost: token mixers (a name stands for one without options), depths in
    blocks (0 for a stage that only leads to its width), widths in channels, MLP ratios (0 for none), norms (None is the
    blueprint's), and whether it has a position embedding.
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
            check_distinct(f"stage {name}", options)

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

    @property
    def size(self) -> int:
        """The number of distinct stages."""
        return self._with_blocks + self._without_blocks

    def members(self) -> Iterator[Stage]:
        """Every distinct stage."""
        options = (list(field.values()) for field in self.fields.values())
        names = list(self.fields)
        members = (stage_of(dict(zip(names, chosen, strict=True))) for chosen in product(*options))
        # Only of stages without blocks are there several spellings.
        return iter(dict.fromkeys(members)) if 0 in self.depths else members

    def sample(self, generator: random.Random) -> dict[str, Choice]:
        """The options of a stage drawn uniformly from the distinct ones, by field."""
        drawn = {name: drawn_from(options, generator) for name, options in self.fields.items()}
        if 0 in self.depths:
            is_empty = generator.randrange(self.size) < self._without_blocks
            deep = [depth for depth in self.depths if depth > 0]
            drawn["depth"] = 0 if is_empty else generator.choice(deep)
        return drawn

    @property
    def _without_blocks(self) -> int:
        lengths = (len(options) for name, options in self.fields.items() if name not in (*BLOCK_FIELDS, "depth"))
        return prod(lengths) if 0 in self.depths else 0

    @property
    def _with_blocks(self) -> int:
        depths = sum(depth > 0 for depth in self.depths)
        return depths * prod(len(options) for name, options in self.fields.items() if name != "depth")


@dataclass(frozen=True)
class BlueprintChoices:
    """Options of the blueprint, which all stages share; None is the recipe's own (nas/blueprint.py)."""

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
        """Field of a blueprint, to its options: how a sampler names each, to what it is."""
        stems: dict[Choice, object] = {"recipe" if stem is None else stem.label: stem for stem in self.stems}
        named = {
            "downsample": self.downsamples,
            "norm": self.norms,
            "activation": self.activations,
            "block": self.blocks,
        }
        return {"stem": stems} | {name: {each or "recipe": each for each in options} for name, options in named.items()}

    def members(self) -> Iterator[Blueprint]:
        """Every blueprint."""
        for chosen in product(*(options.values() for options in self.fields.values())):
            yield Blueprint(**dict(zip(self.fields, chosen, strict=True)))  # type: ignore[arg-type]


def drawn_from(options: Mapping[Choice, object], generator: random.Random) -> Choice:
    """One of the options; a single one takes nothing from the generator."""
    return generator.choice(list(options)) if len(options) > 1 else next(iter(options))


def stage_of(chosen: dict[str, object]) -> Stage:
    """The stage with these values by field."""
    mixer = chosen["mixer"]
    assert isinstance(mixer, MixerChoice)  # noqa: S101 - for the type checker
    rest = {name: value for name, value in chosen.items() if name != "mixer"}
    return Stage(mixer=mixer.name, options=mixer.options, **rest)  # type: ignore[arg-type]


def check_distinct(name: str, options: tuple[object, ...]) -> None:
    """Raises ParameterError unless the options are distinct and at least one."""
    if not options or len(set(options)) != len(options):
        raise ParameterError(f"{name} {options!r} must be distinct and at least one")
