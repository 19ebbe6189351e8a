"""Parameters and multiply-accumulates of networks, counted on torch's meta device, which holds no numbers."""

import math
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nas.architecture import Architecture, Cost, ModelInput, Stage
from search_spaces import model
from search_spaces.families import family_of


def cost(architecture: Architecture, model_input: ModelInput) -> Cost:
    """Count the cost of the whole network for one image. Raises as model.build does."""
    with torch.device("meta"):
        return count(model.build(architecture, model_input), _image(model_input))


def count(module: nn.Module, x: torch.Tensor) -> Cost:
    """Count learned and frozen parameters, and the multiply-accumulates of one call on `x`; both on the meta device."""
    # On the meta device attention is unfused, so that the counter sees its matrix products.
    custom_flops = {torch.ops.aten._fft_c2c: _fft_flops}
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=custom_flops) as counter:
        module.eval()(x)
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
    stage = architecture.stages[index]
    input_width = architecture.stages[index - 1].width if index > 0 else stage.width
    neighbour = Stage("identity", 1, input_width)
    last = len(architecture.stages) - 1
    shallow = replace(stage, depth=1) if stage.depth else stage
    stages = (neighbour,) * index + (shallow,) + (neighbour,) * (last - index)
    entrance, block = _stage_costs(replace(architecture, stages=stages), index, model_input)
    share = entrance + block * stage.depth
    if index < last:
        return share
    head_only = (Stage("identity", 1, stage.width),) * last + (Stage("identity", 1, stage.width, norm=stage.norm),)
    return share + _head_cost(replace(architecture, stages=head_only), model_input)


@lru_cache(maxsize=100_000)
def _stage_costs(architecture: Architecture, index: int, model_input: ModelInput) -> tuple[Cost, Cost]:
    """Count the entrance to stage `index` (the stem or a downsampling, and the position embedding), and one block."""
    grids = model.grids(architecture, model_input)
    width = architecture.stages[index].width
    with torch.device("meta"):
        stage = model.stage_part(architecture, index, model_input).build()
        if index == 0:
            entrance = count(model.build_stem(architecture, model_input), _image(model_input))
        else:
            input_tokens = _tokens(architecture, architecture.stages[index - 1].width, grids[index - 1])
            entrance = count(stage.get_submodule("downsample"), input_tokens)
        tokens = _tokens(architecture, width, grids[index])
        position = count(stage.get_submodule("position"), tokens)
        return entrance + position, count(stage.get_submodule("blocks"), tokens)


@lru_cache(maxsize=100_000)
def _head_cost(architecture: Architecture, model_input: ModelInput) -> Cost:
    grid = model.grids(architecture, model_input)[-1]
    with torch.device("meta"):
        tokens = _tokens(architecture, architecture.stages[-1].width, grid)
        return count(model.build_head(architecture, model_input), tokens)


def _tokens(architecture: Architecture, width: int, grid: tuple[int, int]) -> torch.Tensor:
    """Make one image's tokens in the layout that the network has between its parts."""
    shape = (1, width, *grid) if family_of(architecture).channels_first else (1, *grid, width)
    return torch.empty(shape)


def _image(model_input: ModelInput) -> torch.Tensor:
    return torch.empty(1, model_input.channels, model_input.height_px, model_input.width_px)
