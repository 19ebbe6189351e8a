"""Stochastic depth: in training a block's branch is left out at random."""

import torch
from torch import Tensor, nn


class StochasticDepth(nn.Module):
    """In training drops a sample's branch with probability `rate`, set by whoever trains (Huang et al., 2016).

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
