"""Activations of the MetaFormer families."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Chosen in the paper so that a standard normal input keeps zero mean and unit variance.
STAR_SCALE = 0.8944
STAR_BIAS = -0.4472


class StarReLU(nn.Module):
    """s * relu(x)^2 + b with learned scalars s and b (Yu et al., MetaFormer Baselines for Vision, eq. 9). Any shape."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([STAR_SCALE]))
        self.bias = nn.Parameter(torch.tensor([STAR_BIAS]))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * F.relu(x) ** 2 + self.bias


class SquaredReLU(nn.Module):
    """relu(x)^2 (So et al., Primer). Any shape."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x) ** 2
