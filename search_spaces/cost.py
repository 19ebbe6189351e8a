"""Parameters and multiply-accumulates of networks, counted on torch's meta device, which holds no numbers."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from nas.architecture import Architecture, Cost, ModelInput
from search_spaces import model
from search_spaces.families import family_of
from search_spaces.foldable import MergesBranches
from search_spaces.folding import folded
from search_spaces.part import Part

# Functions that return a tensor of their first argument's shape and that the count leaves out.
ELEMENTWISE = {F.batch_norm, F.layer_norm, F.group_norm, F.relu, F.gelu, F.hardswish, F.silu}


class _WithoutElementwise(TorchFunctionMode):
    """Skip elementwise functions, which the meta device emulates in Python: half of the time of a count."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return args[0] if func in ELEMENTWISE and args else func(*args, **(kwargs or {}))


def cost(architecture: Architecture, model_input: ModelInput) -> Cost:
    """Count the cost of the whole network for one image. Raises as model.build does."""
    with torch.device("meta"):
        return count(model.build(architecture, model_input), torch.empty(_image(model_input)))


def count(module: nn.Module, x: torch.Tensor) -> Cost:
    """Count learned and frozen parameters, and the multiply-accumulates of one call on `x`; both on the meta device.

    Parameters are those of training; multiply-accumulates are those of the folded network, which is what is deployed.
    """
    # On the meta device attention is unfused, so that the counter sees its matrix products.
    custom_flops = {torch.ops.aten._fft_c2c: _fft_flops}
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=custom_flops) as counter, _WithoutElementwise():
        # Folding takes half as long as the count, and rarely changes it.
        deployed = folded(module) if any(isinstance(part, MergesBranches) for part in module.modules()) else module
        deployed.eval()(x)
    sizes = [(weight.numel(), weight.requires_grad) for weight in module.parameters()]
    return Cost(
        parameters=sum(size for size, learned in sizes if learned),
        frozen=sum(size for size, learned in sizes if not learned),
        macs=counter.get_total_flops() // 2,
    )


def _fft_flops(shape: tuple[int, ...], dims: list[int], *_: Any, **__: Any) -> int:
    """Count 5 N log2 N operations for the transform of N complex numbers (Cooley and Tukey's count)."""
    transformed = math.prod(shape[dim] for dim in dims)
    # Even, so that each transform is a whole number of multiply-accumulates.
    return 2 * round(2.5 * math.prod(shape) * math.log2(transformed))


def part_cost(architecture: Architecture, index: int, model_input: ModelInput) -> Cost:
    """Count one stage's share (nas.architecture.PartCosts), the head's with the last. Raises as model.build does."""
    grids = model.grids(architecture, model_input)
    tokens = _tokens(architecture, index, grids[index])
    downsample, position, blocks = model.stage_part(architecture, index, model_input).arguments
    if index == 0:
        entrance = _cost_of(model.stem_part(architecture, model_input), _image(model_input))
    else:
        entrance = _cost_of(downsample, _tokens(architecture, index - 1, grids[index - 1]))
    share = entrance + _cost_of(position, tokens)
    if blocks.times:
        share += _cost_of(blocks.part, tokens) * blocks.times
    if index == len(architecture.stages) - 1:
        share += _cost_of(model.head_part(architecture, model_input), tokens)
    return share


@lru_cache(maxsize=100_000)
def _cost_of(part: Part, shape: tuple[int, ...]) -> Cost:
    """Count the cost of a part for an input of this shape. Members of a space share most of their parts."""
    with torch.device("meta"):
        return count(part.build(), torch.empty(shape))


def _tokens(architecture: Architecture, index: int, grid: tuple[int, int]) -> tuple[int, ...]:
    """Return the shape of one image's tokens in stage `index`, in the layout that the network has between its parts."""
    width = architecture.stages[index].width
    return (1, width, *grid) if family_of(architecture).channels_first else (1, *grid, width)


def _image(model_input: ModelInput) -> tuple[int, ...]:
    return 1, model_input.channels, model_input.height_px, model_input.width_px
