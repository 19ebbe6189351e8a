"""Strides for small pictures: no layer leaves less than a 2x2 grid, where a 3x3 convolution still tells sides apart."""

from collections.abc import Iterator, Sequence

MIN_GRID = 2


def adapted_strides(strides: Sequence[int], size_px: int) -> Iterator[int]:
    """The strides, 1 in the place of each that would leave a grid below MIN_GRID; grids are divided rounding up."""
    for stride in strides:
        divided = -(-size_px // stride)
        kept = stride if divided >= MIN_GRID else 1
        size_px = -(-size_px // kept)
        yield kept
