"""Strides for small images: no grid falls below 2x2, on which a 3x3 convolution can still distinguish the sides."""

from collections.abc import Iterator, Sequence

MIN_GRID = 2


def adapted_strides(strides: Sequence[int], size_px: int) -> Iterator[int]:
    """Yield the strides, 1 in place of each that would leave a grid below MIN_GRID; divisions round up."""
    for stride in strides:
        adapted = stride if -(-size_px // stride) >= MIN_GRID else 1
        size_px = -(-size_px // adapted)
        yield adapted
