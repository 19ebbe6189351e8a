"""Grids of tokens: an image's sides after the stem's convolutions and the halving between stages."""

from collections.abc import Mapping, Sequence

from nas.architecture import ModelInput
from nas.errors import ParameterError

MIN_GRID = 2
# Kernel, stride, padding.
Convolution = tuple[int, int, int]


def stage_grids(model_input: ModelInput, stem: Sequence[Convolution], stages: int) -> list[tuple[int, int]]:
    """Return each stage's (height, width). Between stages grids are halved, rounding up."""
    height, width = model_input.height_px, model_input.width_px
    for kernel, stride, padding in stem:
        height, width = ((side + 2 * padding - kernel) // stride + 1 for side in (height, width))
    grids = [(height, width)]
    for _ in range(stages - 1):
        height, width = -(-height // 2), -(-width // 2)
        grids.append((height, width))
    return grids


def largest_stride(kernel: int, paddings: Mapping[int, int], stages: int, model_input: ModelInput) -> int:
    """Return the largest stride, of those with a padding, that leaves the last stage a grid of at least 2x2.

    Raises ParameterError when every stride leaves less than that.
    """
    for stride, padding in sorted(paddings.items(), reverse=True):
        if min(stage_grids(model_input, [(kernel, stride, padding)], stages)[-1]) >= MIN_GRID:
            return stride
    raise too_small_error(model_input, stages)


def too_small_error(model_input: ModelInput, stages: int, stride: int = 1) -> ParameterError:
    """Make the error for an image that the stages reduce to less than 2x2 tokens."""
    min_side_px = ((MIN_GRID - 1) * 2 ** (stages - 1)) * stride + 1
    return ParameterError(
        f"input size {model_input.height_px}x{model_input.width_px} px is too small for {stages} stages: "
        f"at least {min_side_px}x{min_side_px} px"
    )
