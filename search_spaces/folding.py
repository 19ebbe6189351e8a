"""Networks as they are deployed: batch norms folded into the layers around them, with the same outputs.

What a module's simpler form is, the module knows itself (search_spaces/foldable.py). The norm behind a token mixer
goes into the layer that the mixer names as `last`, or into what its method `scaled(factor, shift)` returns; a batch
norm that finds no place becomes a factor and a shift.
"""

import copy

import torch
from torch import Tensor, nn

from search_spaces.conv_norm import Affine, factor_and_shift
from search_spaces.foldable import Deployable, Foldable, flattened


@torch.no_grad()
def folded(model: nn.Module) -> nn.Module:
    """A copy of the network in evaluation mode that computes the same with fewer layers; the network is not changed."""
    if isinstance(model, Deployable):
        return model.deployed()
    return flattened(_folded(copy.deepcopy(model).eval()))


def _folded(module: nn.Module) -> nn.Module:
    simpler = module.folded() if isinstance(module, Foldable) else module
    for name, child in simpler.named_children():
        setattr(simpler, name, _folded(child))
    return Affine(*factor_and_shift(simpler)) if isinstance(simpler, nn.BatchNorm2d) else simpler


def largest_difference(model: nn.Module, x_BCHW: Tensor) -> float:
    """Between the outputs of a network in evaluation mode and of its folded form, over the larger of 1 and theirs."""
    with torch.no_grad():
        before, after = model.eval()(x_BCHW), folded(model)(x_BCHW)
    return float((before - after).abs().max() / max(1.0, float(before.abs().max())))
