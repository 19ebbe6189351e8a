"""StarReLU: s * relu(x)^2 + b with learned scalars s and b (Yu et al., MetaFormer Baselines for Vision, eq. 9)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Chosen in the paper so that a standard normal input keeps zero mean and unit variance.
SCALE = 0.8944
BIAS = -0.4472


class StarReLU(nn.Module):
    """Elementwise, any shape; two learned scalars."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([SCALE]))
        self.bias = nn.Parameter(torch.tensor([BIAS]))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * F.relu(x) ** 2 + self.bias
