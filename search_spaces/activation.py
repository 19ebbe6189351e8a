"""Activations by name: those of the MetaFormer families, and those that suit small deployed networks."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# Chosen in the paper so that a standard normal input keeps zero mean and unit variance.
STAR_SCALE = 0.8944
STAR_BIAS = -0.4472


class StarReLUFunction(torch.autograd.Function):
    """The function s * relu(x)^2 + b and its first derivatives in seven passes over memory: autograd takes fifteen."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
        rectified = F.relu(x)
        ctx.save_for_backward(rectified, scale)
        return rectified.square().mul_(scale).add_(bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rectified, scale = ctx.saved_tensors
        product = gradient * rectified
        scale_gradient = torch.dot(product.flatten(), rectified.flatten())[None]
        return product.mul_(2 * scale), scale_gradient, gradient.sum()[None]


class StarReLU(nn.Module):
    """s * relu(x)^2 + b with learned scalars s and b (Yu et al., MetaFormer Baselines for Vision, eq. 9). Any shape."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([STAR_SCALE]))
        self.bias = nn.Parameter(torch.tensor([STAR_BIAS]))

    def forward(self, x: Tensor) -> Tensor:
        if self.training and x.dtype == torch.float32:
            star: Tensor = StarReLUFunction.apply(x, self.scale, self.bias)
            return star
        return self.scale * F.relu(x) ** 2 + self.bias


class SquaredReLU(nn.Module):
    """relu(x)^2 (So et al., Primer). Any shape."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x) ** 2


ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "hard_swish": nn.Hardswish,
    "gelu": nn.GELU,
    "star_relu": StarReLU,
}


def make_activation(name: str) -> nn.Module:
    """Make the activation called `name`. Raises ValueError for an unknown name."""
    if name not in ACTIVATIONS:
        raise ValueError(f"activation {name!r} is not one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]()
