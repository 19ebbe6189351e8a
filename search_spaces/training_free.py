"""Training-free features: numbers computed from a network with initial weights, on one batch.

Each costs at most one training step; entry points of group `nas.features` name them. None ranks architectures alone: a
sampler learns how informative each is, and each one's rank correlation with accuracies is reported.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.activation import SquaredReLU, StarReLU
from search_spaces.network import Block
from search_spaces.plain_network import PlainBlock, PreNormBlock

# Blocks of a token mixer and an optional channel MLP.
BLOCKS = (Block, PlainBlock, PreNormBlock)
# Activations of two regimes, which the sign of the input selects.
ACTIVATIONS = (StarReLU, SquaredReLU, nn.ReLU, nn.GELU, nn.SiLU, nn.Hardswish)


def naswot(model: nn.Module, x_BCHW: Tensor, labels_B: Tensor) -> float:
    """Measure how well activations separate images: the log-determinant of the kernel that counts units in agreement.

    A unit's code of an image is whether its activation's input is above 0 (Mellor et al., Neural Architecture Search
    without Training, ICML 2021, eq. 2). Minus infinity if two images have the same code.
    """
    kernel_BB = torch.zeros(len(x_BCHW), len(x_BCHW), dtype=torch.float64)

    def count(_: nn.Module, inputs: tuple[Tensor]) -> None:
        codes_BU = (inputs[0].flatten(1) > 0).float()
        agreeing_BB = codes_BU @ codes_BU.T + (1 - codes_BU) @ (1 - codes_BU).T
        kernel_BB.add_(agreeing_BB)

    with ExitStack() as hooks, torch.no_grad():
        for module in model.modules():
            if isinstance(module, ACTIVATIONS):
                hooks.callback(module.register_forward_pre_hook(count).remove)
        model(x_BCHW)
    return float(torch.linalg.slogdet(kernel_BB).logabsdet)


def gradient_norm(model: nn.Module, x_BCHW: Tensor, labels_B: Tensor) -> float:
    """Sum the gradients' norms (Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021)."""
    _backward(model, x_BCHW, labels_B)
    return sum(float(gradient.norm()) for _, gradient in _learned(model))


def synaptic(model: nn.Module, x_BCHW: Tensor, labels_B: Tensor) -> float:
    """Compute the DSS indicator (Zhou et al., Training-free Transformer Architecture Search, CVPR 2022, eq. 5).

    For matrices of token mixers, which may lose rank in attention, it adds the product of the nuclear norms of weight
    and gradient (synaptic diversity). For channel MLPs it adds the sum of |gradient x weight| (synaptic saliency).
    """
    _backward(model, x_BCHW, labels_B)
    total = 0.0
    for block in (module for module in model.modules() if isinstance(module, BLOCKS)):
        for weight, gradient in _learned(block.token_mixer):
            if weight.dim() == 2:
                total += (torch.linalg.matrix_norm(weight, "nuc") * torch.linalg.matrix_norm(gradient, "nuc")).item()
        if (mlp := getattr(block, "mlp", None)) is not None:
            total += sum((gradient * weight).abs().sum().item() for weight, gradient in _learned(mlp))
    return total


def _backward(model: nn.Module, x_BCHW: Tensor, labels_B: Tensor) -> None:
    model.zero_grad()
    F.cross_entropy(model(x_BCHW), labels_B).backward()  # type: ignore[no-untyped-call]


def _learned(module: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the weights that have gradients, with them."""
    for weight in module.parameters():
        if weight.grad is not None:
            yield weight.detach(), weight.grad
