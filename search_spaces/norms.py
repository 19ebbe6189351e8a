"""Norms on x_BCHW by name: batch norm (folded away in deployment), layer norm, group norm, RMS norm."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-5
# Trainings in a search last a few hundred steps or fewer: with torch's 0.1 running statistics adapt within twenty.
MOMENTUM = 0.1


class TokenNorm(nn.Module):
    """Layer norm of each token over its channels (Ba et al., 2016; per token as in ConvNeXt). On x_BCHW."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        x_BHWC = x_BCHW.permute(0, 2, 3, 1)
        return F.layer_norm(x_BHWC, self.weight.shape, self.weight, self.bias, EPS).permute(0, 3, 1, 2)


class RmsNorm(nn.Module):
    """Division of each token by the root mean square of its channels (Zhang and Sennrich, 2019). On x_BCHW."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        scale_B1HW = torch.rsqrt(x_BCHW.square().mean(1, keepdim=True) + EPS)
        return x_BCHW * scale_B1HW * self.weight[:, None, None]


def batch_norm(width: int) -> nn.BatchNorm2d:
    """Make a norm of each channel over the batch and the grid (Ioffe and Szegedy, 2015)."""
    return nn.BatchNorm2d(width, EPS, MOMENTUM)


def group_norm(width: int) -> nn.GroupNorm:
    """Make a norm of each image over all channels and tokens: one group (Wu and He, 2018)."""
    return nn.GroupNorm(1, width, EPS)


NORMS: Mapping[str, Callable[[int], nn.Module]] = {
    "batch": batch_norm,
    "layer": TokenNorm,
    "group": group_norm,
    "rms": RmsNorm,
}


def make_norm(name: str, width: int) -> nn.Module:
    """Make the norm called `name`. Raises ValueError for an unknown name."""
    if name not in NORMS:
        raise ValueError(f"norm {name!r} is not one of {', '.join(NORMS)}")
    return NORMS[name](width)
