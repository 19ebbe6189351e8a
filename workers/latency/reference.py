"""The reference network: measured by turns with every network, it shows how the machine slows both."""

from itertools import chain

import torch
from torch import nn

from nas.architecture import ModelInput

# The recorded name. Another network, or other weights, must have another name.
KEY = "reference-2"
WIDTH, HEADS, REPEATS = 48, 3, 2


class Filter(nn.Module):
    """A convolution over the grid, and a norm."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.filter = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=groups)
        self.norm = nn.BatchNorm2d(WIDTH)

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        return x_BCHW + nn.functional.relu(self.norm(self.filter(x_BCHW)))


class Mlp(nn.Module):
    """Matrix products over channels, in a channels-last layout."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.wide = nn.Linear(WIDTH, 4 * WIDTH)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        x_BHWC = self.norm(x_BCHW.permute(0, 2, 3, 1))
        mixed_BHWC: torch.Tensor = self.narrow(nn.functional.gelu(self.wide(x_BHWC)))
        return x_BCHW + mixed_BHWC.permute(0, 3, 1, 2)


class Attention(nn.Module):
    """Self-attention over all positions."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        x_BNC = self.norm(x_BCHW.flatten(2).transpose(1, 2))
        q, k, v = self.qkv(x_BNC).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        mixed_BHND = nn.functional.scaled_dot_product_attention(q, k, v)
        mixed_BNC: torch.Tensor = self.out(mixed_BHND.transpose(1, 2).flatten(2))
        return x_BCHW + mixed_BNC.transpose(1, 2).reshape(x_BCHW.shape)


class Reference:
    """A nas.latency.meter.Network of every kind of layer that bounds token mixers.

    The location of a process's memory makes one kind of layer faster or slower by a percent; the mean of several kinds
    varies half as much (0.5% for 1.0% from process to process).
    """

    model_input = ModelInput(channels=3, height_px=32, width_px=32, classes=10)

    def build(self) -> nn.Module:
        """Build the network from images x_BCHW to logits, always with the same weights."""
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            layers = (
                (Filter(groups=WIDTH), Mlp(), Attention(), nn.AvgPool2d(3, 1, 1), Filter(groups=1))
                for _ in range(REPEATS)
            )
            return nn.Sequential(
                nn.Conv2d(self.model_input.channels, WIDTH, 4, stride=4),
                *chain.from_iterable(layers),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Linear(WIDTH, self.model_input.classes),
            )
