"""The data sets to ship a network for, with the minutes that a user has."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from nas import plugins
from workers.data.dataset import Dataset, ImageSource, Part, Request

# Seed of the permutation whose first pictures are a reduced training part, the same for all seeds of a case.
SUBSET_SEED = 0


@dataclass(frozen=True)
class Case:
    """A data set to ship for. `train_pictures` is the number of Fashion-MNIST's kept, None for a data set as it is."""

    name: str
    size_px: int
    flip: bool
    search_s: float
    final_s: float
    seeds: int
    train_pictures: int | None = None

    def scaled(self, factor: float) -> "Case":
        return replace(self, search_s=self.search_s * factor, final_s=self.final_s * factor)

    def dataset(self, data_dir: Path, folder: Path) -> str:
        """Return the name for `--dataset`; a reduced data set is written to the folder first, as an image folder."""
        if self.train_pictures is not None:
            return f"imagefolder:{_fashion_folder(data_dir, folder / self.name, self.train_pictures)}"
        return self.name if self.name == "digits" else f"imagefolder:{(data_dir / self.name).resolve()}"


CASES = (
    Case("cifar10-small", 32, flip=True, search_s=900, final_s=900, seeds=3),
    Case("fashion-1000", 28, flip=True, search_s=300, final_s=300, seeds=1, train_pictures=1_000),
    Case("fashion-10000", 28, flip=True, search_s=300, final_s=300, seeds=1, train_pictures=10_000),
    Case("digits", 14, flip=False, search_s=300, final_s=300, seeds=1),
)


class Labelled(NamedTuple):
    """Images x_NCHW in float32, normalised by the training part's statistics, and their classes."""

    images: Tensor
    labels: Tensor

    def at(self, indices: Tensor) -> "Labelled":
        return Labelled(self.images[indices], self.labels[indices])


class Pictures(NamedTuple):
    train: Labelled
    test: Labelled
    classes: int


def pictures(dataset: str, size_px: int) -> Pictures:
    """Load the pictures as `nas` reads them: both sides train on and are tested by the same pixels."""
    name, _, argument = dataset.partition(":")
    source: Dataset = plugins.load(plugins.DATASETS, name)

    def part(which: Part) -> tuple[Labelled, int]:
        image_source: ImageSource = source.open(Request(argument or None, None, False), which)
        images = torch.from_numpy(image_source.images(np.arange(len(image_source.labels)), size_px)).float()
        return Labelled(images, torch.from_numpy(image_source.labels)), len(image_source.classes)

    (train, classes), (test, _) = part("train"), part("test")
    mean_1C11 = train.images.mean((0, 2, 3), keepdim=True)
    std_1C11 = train.images.std((0, 2, 3), keepdim=True).clamp_min(1.0)
    train, test = (Labelled((labelled.images - mean_1C11) / std_1C11, labelled.labels) for labelled in (train, test))
    return Pictures(train, test, classes)


def _fashion_folder(data_dir: Path, folder: Path, train_pictures: int) -> Path:
    """Write PNG files: the first training pictures of a seeded permutation, and the whole test part."""
    finished = folder / ".finished"
    if not finished.exists():
        source: Dataset = plugins.load(plugins.DATASETS, "fashion-mnist")
        for part, count in (("train", train_pictures), ("test", None)):
            image_source = source.open(Request(None, data_dir, False), "train" if part == "train" else "test")
            chosen = np.random.default_rng(SUBSET_SEED).permutation(len(image_source.labels))[:count]
            images = image_source.images(chosen, source.size_px)
            for index, image, label in zip(chosen, images, image_source.labels[chosen], strict=True):
                path = folder / part / f"{label}" / f"{index:05}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image[0]).save(path)
        finished.touch()
    return folder.resolve()
