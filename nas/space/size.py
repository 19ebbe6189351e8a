"""The size of a space: scaling up and down (`hybrid@l`), and the size that fits a latency limit."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from nas.architecture import Architecture
from nas.errors import ParameterError
from nas.space.search_space import Choice, SearchSpace, StageChoices

AUTO = "auto"
# The size of a space as it is declared.
DECLARED = "m"
# Widths are multiples of CHANNELS, and stay multiples of HEAD_CHANNELS, the width of attention's heads, if they are.
CHANNELS = 8
HEAD_CHANNELS = 32
# If the slowest member is below this share of the latency limit, a larger space would fit.
ROOM_BELOW = 0.8


@dataclass(frozen=True)
class Scale:
    """The factor `width` of widths, and the `depth` in blocks that is added to each depth."""

    width: float
    depth: int = 0


# From the smallest to the largest.
SIZES: Mapping[str, Scale] = {
    "s": Scale(0.5),
    DECLARED: Scale(1.0),
    "l": Scale(1.5, 1),
    "xl": Scale(2.0, 2),
}


def split_size(name: str) -> tuple[str, str | None]:
    """Split `hybrid@l` into name and size; the size is None without one. Raises ParameterError for an unknown size."""
    base, at, size = name.rpartition("@")
    if not at:
        return name, None
    if size not in (*SIZES, AUTO):
        raise ParameterError(f"--space {name!r}: size {size!r} is not one of {', '.join((*SIZES, AUTO))}")
    return base, size


def with_size(name: str, size: str | None) -> str:
    """Add a size to the name of a space. Raises ParameterError if the name has one already, or for an unknown size."""
    if size is None:
        return name
    base, known = split_size(name)
    if known is not None:
        raise ParameterError(f"--size {size}: --space {name!r} names a size already")
    sized = f"{base}@{size}"
    split_size(sized)
    return sized


def sized(space: SearchSpace, size: str) -> SearchSpace:
    """Return the space at one of SIZES, named `NAME@SIZE`; the space itself at its declared size."""
    if size == DECLARED:
        return space
    scale = SIZES[size]
    return dataclasses.replace(
        scaled(space, scale.width, deeper=scale.depth),
        name=f"{space.name}@{size}",
        description=f"{space.description}, at size {size}",
        variants=tuple((largest_px, sized(variant, size)) for largest_px, variant in space.variants),
    )


def scaled(space: SearchSpace, factor: float, *, deeper: int = 0) -> SearchSpace:
    """Scale the widths of the space by a factor, and add `deeper` blocks to each stage that has any.

    The starts are scaled too. Constraints are unchanged: they are a user's limits.
    """
    stages = tuple(_scaled_choices(stage, factor, deeper) for stage in space.stages)
    starts = tuple(
        dataclasses.replace(
            start,
            stages=tuple(
                dataclasses.replace(
                    stage,
                    width=_scaled_width(stage.width, factor, _granularity(choices)),
                    depth=_deepened(stage.depth, deeper),
                )
                for stage, choices in zip(start.stages, space.stages, strict=True)
            ),
        )
        for start in space.starts
    )
    return dataclasses.replace(space, stages=stages, starts=starts)


def _scaled_choices(stage: StageChoices, factor: float, deeper: int) -> StageChoices:
    widths = {_scaled_width(width, factor, _granularity(stage)) for width in stage.widths}
    depths = tuple(_deepened(depth, deeper) for depth in stage.depths)
    return dataclasses.replace(stage, widths=tuple(sorted(widths)), depths=depths)


def _deepened(depth: int, deeper: int) -> int:
    """Add blocks to a depth; a stage without blocks stays without."""
    return depth and depth + deeper


def largest_of_each_mixer(space: SearchSpace) -> Iterator[Architecture]:
    """Yield for each mixer the likely slowest member: the mixer wherever possible, at maximum depth and width.

    Where the constraints allow none of these, yield the smallest ones.
    """
    members: dict[str, Architecture] = {}
    for mixer in dict.fromkeys(mixer for stage in space.stages for mixer in stage.fields["mixer"]):
        choices = {name: _greatest(options, mixer) for name, options in space.choices.items()}
        architecture = space.compose(choices)
        if space.allows(architecture):
            members[architecture.key] = architecture
    yield from members.values() or space.smallest_of_each_mixer()


def size_hint(slowest_ms: float, limit_ms: float, size: str | None) -> str | None:
    """Return a one-line hint if the limit leaves room for larger networks than the space's; else None."""
    if slowest_ms >= ROOM_BELOW * limit_ms:
        return None
    text = f"the slowest member takes {slowest_ms:.2g} ms, {slowest_ms / limit_ms:.0%} of --max-latency {limit_ms:g} ms"
    larger = list(SIZES)[list(SIZES).index(size or DECLARED) + 1 :]
    return f"{text}: " + (f"`--size {larger[0]}` searches larger networks" if larger else "no size is larger")


def fitting_size(slowest_ms: Callable[[str], float], limit_ms: float | None) -> str:
    """Return the smallest size whose slowest member reaches the limit, else the largest; DECLARED without a limit.

    `slowest_ms` is called for few sizes: from the declared one upwards or downwards.
    """
    if limit_ms is None:
        return DECLARED
    names = list(SIZES)
    index = names.index(DECLARED)
    if slowest_ms(DECLARED) < limit_ms:
        larger = names[index + 1 :]
        return next((size for size in larger if slowest_ms(size) >= limit_ms), names[-1])
    while index > 0 and slowest_ms(names[index - 1]) >= limit_ms:
        index -= 1
    return names[index]


def _greatest(options: tuple[Choice, ...], mixer: Choice) -> Choice:
    """Return the mixer if it is an option, else the last name (names are in ascending cost) or the largest number."""
    if mixer in options:
        return mixer
    return options[-1] if isinstance(options[0], str) else max(options)


def _granularity(stage: StageChoices) -> int:
    """Return the number whose multiples the widths of a stage are."""
    heads = [int(value) for mixer in stage.fields["mixer"].values() for value in _head_dims(mixer)]
    divisors = [dim for dim in (HEAD_CHANNELS, *heads) if all(width % dim == 0 for width in stage.widths)]
    return math.lcm(CHANNELS, *divisors)


def _head_dims(mixer: object) -> Iterator[int]:
    options = dict(getattr(mixer, "options", ()))
    if isinstance(dim := options.get("head_dim"), int):
        yield dim


def _scaled_width(width: int, factor: float, granularity: int) -> int:
    return max(1, math.floor(width * factor / granularity + 0.5)) * granularity
