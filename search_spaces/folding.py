"""The deployed form of networks: batch norms folded into the layers around them, with the same outputs.

Each module knows its own simpler form (search_spaces/foldable.py). The norm behind a token mixer goes into the layer
that the mixer names as `last`, or into the module that its method `scaled(factor, shift)` returns. A batch norm that
no layer can take becomes a factor and a shift.
"""

import copy

import torch
from torch import Tensor, nn

from search_spaces.conv_norm import Affine, factor_and_shift
from search_spaces.foldable import Deployable, Foldable, flattened


@torch.no_grad()
def folded(model: nn.Module) -> nn.Module:
    """Copy the network into its deployed form, in evaluation mode: the same outputs with fewer layers."""
    if isinstance(model, Deployable):
        return model.deployed()
    return folded_in_place(copy.deepcopy(model))


@torch.no_grad()
def folded_in_place(model: nn.Module) -> nn.Module:
    """Return the deployed form of an assembled network, in evaluation mode, made of its own modules and weights."""
    return flattened(_folded(model.eval()))


def _folded(module: nn.Module) -> nn.Module:
    simpler = module.folded() if isinstance(module, Foldable) else module
    for name, child in simpler.named_children():
        setattr(simpler, name, _folded(child))
    return Affine(*factor_and_shift(simpler)) if isinstance(simpler, nn.BatchNorm2d) else simpler


def largest_difference(model: nn.Module, x_BCHW: Tensor) -> float:
    """Return the largest difference of a network's and its folded form's outputs, over the larger of 1 and theirs."""
    with torch.no_grad():
        before, after = model.eval()(x_BCHW), folded(model)(x_BCHW)
    return float((before - after).abs().max() / max(1.0, float(before.abs().max())))
