"""The reference network: measured by turns with every network, it tells what the machine does to both."""

import torch
from torch import nn

from nas.architecture import ModelInput

# Its name on record. Another network, or other weights, must have another.
KEY = "reference-1"
WIDTH = 48
BLOCKS = 3


class Block(nn.Module):
    """Some of everything that token mixers lean on: a filter over the grid, a norm, matrix products."""

    def __init__(self) -> None:
        super().__init__()
        self.filter = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.wide = nn.Linear(WIDTH, 4 * WIDTH)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        x_BHWC = self.norm((x_BCHW + self.filter(x_BCHW)).permute(0, 2, 3, 1))
        mixed_BHWC: torch.Tensor = x_BHWC + self.narrow(nn.functional.gelu(self.wide(x_BHWC)))
        return mixed_BHWC.permute(0, 3, 1, 2)


class Reference:
    """The network as nas.latency.Network has it. About 4 million multiply-accumulates."""

    model_input = ModelInput(channels=3, height_px=32, width_px=32, classes=10)

    def build(self) -> nn.Module:
        """Images x_BCHW to logits, always with the same weights."""
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            return nn.Sequential(
                nn.Conv2d(self.model_input.channels, WIDTH, 4, stride=4),
                *(Block() for _ in range(BLOCKS)),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Linear(WIDTH, self.model_input.classes),
            )
