"""Networks as they are deployed: batch norms folded into the layers around them, with the same outputs.

A module that knows a simpler form of itself for inference has a method `folded() -> nn.Module`. The norm behind a token
mixer goes into the layer that the mixer names as `last`, or into what its method `scaled(factor, shift)` returns; a
batch norm that finds no place becomes a factor and a shift. What needs no folding is kept.
"""

import copy
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from search_spaces.conv_norm import Affine, factor_and_shift, fold_into
from search_spaces.known.foreign import ForeignNetwork
from search_spaces.plain_network import PlainBlock


@runtime_checkable
class Foldable(Protocol):
    """A module that has a simpler form for inference."""

    def folded(self) -> nn.Module: ...


@runtime_checkable
class Scalable(Protocol):
    """A mixer that takes a factor and a shift per channel, (width,) each, into its inference."""

    def scaled(self, factor_C: Tensor, shift_C: Tensor) -> nn.Module: ...


@runtime_checkable
class EndsInLayer(Protocol):
    """A mixer whose outputs are those of its linear layer or convolution of that name."""

    last: str


@torch.no_grad()
def folded(model: nn.Module) -> nn.Module:
    """A copy of the network in evaluation mode that computes the same with fewer layers; the network is not changed."""
    if isinstance(model, ForeignNetwork):
        return model.deployed()
    return _folded(copy.deepcopy(model).eval())


def _folded(module: nn.Module) -> nn.Module:
    if isinstance(module, PlainBlock):
        _fold_norm_of_mixer(module)
    simpler = module.folded() if isinstance(module, Foldable) else module
    for name, child in simpler.named_children():
        setattr(simpler, name, _folded(child))
    return Affine(*factor_and_shift(simpler)) if isinstance(simpler, nn.BatchNorm2d) else simpler


def _fold_norm_of_mixer(block: PlainBlock) -> None:
    """Move the norm behind the mixer into the mixer, where that has a place for it."""
    mixer, norm = block.token_mixer, block.norm1
    if not isinstance(norm, nn.BatchNorm2d):
        return
    if isinstance(mixer, Scalable):
        block.token_mixer = mixer.scaled(*factor_and_shift(norm))
    elif isinstance(mixer, EndsInLayer):
        layer = mixer.get_submodule(mixer.last)
        assert isinstance(layer, (nn.Conv2d, nn.Linear))  # noqa: S101 - what `last` means
        fold_into(layer, norm)
    else:
        return
    block.norm1 = nn.Identity()


def largest_difference(model: nn.Module, x_BCHW: Tensor) -> float:
    """Between the outputs of a network in evaluation mode and of its folded form, over the larger of 1 and theirs."""
    with torch.no_grad():
        before, after = model.eval()(x_BCHW), folded(model)(x_BCHW)
    return float((before - after).abs().max() / max(1.0, float(before.abs().max())))
