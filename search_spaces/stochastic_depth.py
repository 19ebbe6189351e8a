"""Stochastic depth: random removal of a block's branch in training."""

import torch
from torch import Tensor, nn


class StochasticDepth(nn.Module):
    """Removal of a sample's branch in training, with probability `rate`, which the trainer sets (Huang et al., 2016).

    On (B, ...) of four dimensions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rate = 0.0

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0.0:
            return x
        kept_B111 = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.rate
        return x * kept_B111 / (1 - self.rate)
