"""Normalisation of pictures to mean 0 and standard deviation 1 in each channel."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# The value of white in the images that networks are trained on.
WHITE = 255


@dataclass(frozen=True)
class Normalisation:
    """Normalisation of pictures of uint8, (images, channels, height, width).

    `mean` and `std` broadcast over a batch of them: (1, channels, height, width), or 1 for both.
    """

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, images: Tensor) -> "Normalisation":
        """Make the normalisation from the statistics of these images."""
        pixels = images.float()
        mean = pixels.mean((0, 2, 3), keepdim=True)
        std = pixels.std((0, 2, 3), keepdim=True).clamp_min(1.0)
        # Expanded to a picture's size: broadcasting three numbers to each pixel takes five times as long.
        size = images.shape[2:]
        mean, std = (value.expand(-1, -1, *size).contiguous(memory_format=torch.channels_last) for value in (mean, std))
        return cls(mean, std)

    @classmethod
    def by_channel(cls, mean: Sequence[float], std: Sequence[float], device: torch.device) -> "Normalisation":
        """The inverse of `channels`."""
        statistics = (
            torch.tensor(values, dtype=torch.float64).mul(WHITE).float()[None, :, None, None].to(device)
            for values in (mean, std)
        )
        return cls(*statistics)

    @property
    def channels(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The mean and standard deviation of each channel, for values from 0 (black) to 1 (white)."""
        mean, std = (tuple((statistic[0, :, 0, 0].double() / WHITE).tolist()) for statistic in (self.mean, self.std))
        return mean, std

    def __call__(self, images: Tensor) -> Tensor:
        return torch.sub(images.contiguous(memory_format=torch.channels_last), self.mean).div_(self.std)
