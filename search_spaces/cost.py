"""What a network costs before anything is timed: counted on torch's meta device, which holds no numbers."""

import math
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nas.architecture import Architecture, ModelInput, Stage
from nas.builder import Cost
from search_spaces import model


def cost(architecture: Architecture, model_input: ModelInput) -> Cost:
    """Of the network as a whole, for one image. Raises as model.build does."""
    with torch.device("meta"):
        return count(model.build(architecture, model_input), _image(model_input))


def count(module: nn.Module, x: torch.Tensor) -> Cost:
    """Learned parameters, frozen ones, and the multiply-accumulates of one call on `x`, both on the meta device."""
    # On the meta device attention is unfused, so that the counter sees its matrix products.
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping={torch.ops.aten._fft_c2c: _fft_flops}) as seen:
        module.eval()(x)
    sizes = [(weight.numel(), weight.requires_grad) for weight in module.parameters()]
    return Cost(
        parameters=sum(size for size, learned in sizes if learned),
        frozen=sum(size for size, learned in sizes if not learned),
        macs=seen.get_total_flops() // 2,
    )


def _fft_flops(shape: tuple[int, ...], dims: list[int], *_: Any, **__: Any) -> int:
    """5 N log2 N operations for the transform of N complex numbers (Cooley and Tukey's count)."""
    transformed = math.prod(shape[dim] for dim in dims)
    # Even, so that each transform is a whole number of multiply-accumulates.
    return 2 * round(2.5 * math.prod(shape) * math.log2(transformed))


def part_cost(architecture: Architecture, index: int, model_input: ModelInput) -> Cost:
    """The share of one stage, as nas.builder.Builder has it. Raises as model.build does."""
    stage = architecture.stages[index]
    before = architecture.stages[index - 1].width if index > 0 else stage.width
    count_of_stages = len(architecture.stages)
    entrance, block = _stage_costs(
        replace(stage, depth=1), before, index, count_of_stages, architecture.recipe, model_input
    )
    share = entrance + block * stage.depth
    if index < count_of_stages - 1:
        return share
    return share + _head_cost(stage.width, stage.norm, count_of_stages, architecture.recipe, model_input)


@lru_cache(maxsize=100_000)
def _stage_costs(
    stage: Stage, before: int, index: int, stages: int, recipe: str, model_input: ModelInput
) -> tuple[Cost, Cost]:
    """What leads to a stage (the stem, or a downsampling from width `before`), and one block of it."""
    others = Stage("identity", 1, before)
    architecture = Architecture((others,) * index + (stage,) + (others,) * (stages - index - 1), recipe)
    grids = model.grids(model_input, stages)
    with torch.device("meta"):
        built = model.build_stage(architecture, index, model_input)
        if index == 0:
            entrance = count(model.build_stem(architecture, model_input), _image(model_input))
        else:
            entrance = count(built.downsample, torch.empty(1, *grids[index - 1], before))
        tokens_1HWC = torch.empty(1, *grids[index], stage.width)
        return entrance + count(built.position, tokens_1HWC), count(built.blocks, tokens_1HWC)


@lru_cache(maxsize=100_000)
def _head_cost(width: int, norm: str | None, stages: int, recipe: str, model_input: ModelInput) -> Cost:
    architecture = Architecture((Stage("identity", 1, width, norm=norm),), recipe)
    grid = model.grids(model_input, stages)[-1]
    with torch.device("meta"):
        return count(model.build_head(architecture, model_input), torch.empty(1, *grid, width))


def _image(model_input: ModelInput) -> torch.Tensor:
    return torch.empty(1, model_input.channels, model_input.height_px, model_input.width_px)
