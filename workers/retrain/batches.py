"""Batches for the full recipe: decoded when needed, augmented from the epoch's own generators, normalised."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms import v2

from nas.training import TrainingRecipe
from workers.augment import augment
from workers.datasets.dataset import ImageSource

STATISTICS_IMAGES = 4096


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of a data set's pixels, (1, channels, 1, 1), on the scale of 0 to 255."""

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, source: ImageSource, indices: NDArray[np.int64], size_px: int) -> "Statistics":
        pixels = torch.from_numpy(source.images(indices[:STATISTICS_IMAGES], size_px)).float()
        return cls(pixels.mean((0, 2, 3), keepdim=True), pixels.std((0, 2, 3), keepdim=True).clamp_min(1.0))

    def normalise(self, x_BCHW: Tensor) -> Tensor:
        scaled = (x_BCHW.float() - self.mean.to(x_BCHW.device)) / self.std.to(x_BCHW.device)
        return scaled.contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Batches:
    """A part of a data set in batches, of which this process takes each `world`-th image, beginning at `rank`."""

    source: ImageSource
    indices: NDArray[np.int64]
    size_px: int
    statistics: Statistics
    device: torch.device
    batch_size: int
    rank: int = 0
    world: int = 1

    @property
    def steps(self) -> int:
        """Whole batches in an epoch of training, at least one."""
        return max(1, len(self.indices) // self.world // self.batch_size)

    def plain(self) -> Iterator[tuple[Tensor, Tensor]]:
        """All images once, in order: normalised x_BCHW and labels_B."""
        for chosen in np.array_split(self.indices, -(-len(self.indices) // self.batch_size)):
            yield self.statistics.normalise(self._images(chosen)), self._labels(chosen)

    def augmented(
        self, recipe: TrainingRecipe, seed: int, *, flip: bool, shift_px: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """One epoch of training: normalised x_BCHW and the classes' probabilities y_BK, another for each seed."""
        order = self.indices[np.random.default_rng(seed).permutation(len(self.indices))][self.rank :: self.world]
        generator = torch.Generator().manual_seed(seed)
        classes = len(self.source.classes)
        policy = v2.RandAugment(recipe.rand_augment_ops, recipe.rand_augment_magnitude)
        # torchvision's transforms draw from torch's global generator alone.
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed + self.rank)
            for step in range(self.steps):
                chosen = order[step * self.batch_size :][: self.batch_size]
                images = self._images(chosen)
                if recipe.rand_augment_ops:
                    images = torch.stack([policy(image) for image in images])
                x_BCHW = self.statistics.normalise(
                    augment(images.float(), shift_px=shift_px, flip=flip, generator=generator)
                )
                if recipe.erasing:
                    eraser = v2.RandomErasing(p=recipe.erasing)
                    x_BCHW = torch.stack([eraser(image) for image in x_BCHW])
                y_BK = F.one_hot(self._labels(chosen), classes).float()
                y_BK = y_BK * (1 - recipe.label_smoothing) + recipe.label_smoothing / classes
                yield mix(x_BCHW, y_BK, recipe, generator)

    def _images(self, chosen: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(self.source.images(chosen, self.size_px)).to(self.device)

    def _labels(self, chosen: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(self.source.labels[chosen]).to(self.device)


def mix(x_BCHW: Tensor, y_BK: Tensor, recipe: TrainingRecipe, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The batch mixed with itself in another order: by mixup or by cutmix, each half of the time if both are on."""
    alphas = {"mixup": recipe.mixup, "cutmix": recipe.cutmix}
    active = [name for name, alpha in alphas.items() if alpha > 0]
    if not active:
        return x_BCHW, y_BK
    name = active[int(torch.randint(len(active), (), generator=generator))]
    draws = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
    share = float(draws.beta(alphas[name], alphas[name]))
    order = torch.randperm(len(x_BCHW), generator=generator).to(x_BCHW.device)
    if name == "mixup":
        x_BCHW = share * x_BCHW + (1 - share) * x_BCHW[order]
    else:
        height, width = x_BCHW.shape[2:]
        side = (1 - share) ** 0.5
        centre_y, centre_x = draws.uniform(0, height), draws.uniform(0, width)
        top, bottom = (int(np.clip(centre_y + sign * side * height / 2, 0, height)) for sign in (-1, 1))
        left, right = (int(np.clip(centre_x + sign * side * width / 2, 0, width)) for sign in (-1, 1))
        x_BCHW = x_BCHW.clone()
        x_BCHW[:, :, top:bottom, left:right] = x_BCHW[order, :, top:bottom, left:right]
        share = 1 - (bottom - top) * (right - left) / (height * width)
    return x_BCHW, share * y_BK + (1 - share) * y_BK[order]
