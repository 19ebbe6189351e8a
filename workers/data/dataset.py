"""Data sets of searches and trainings: the source of images, suitable defaults, and the split of the training part."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from nas.architecture import ModelInput
from nas.errors import DataError
from nas.exports.pictures import SQUASH
from nas.options import PLAIN_ACCURACY
from workers.data.splitting import HELD_OUT_FRACTION, has_rare_class, split_indices

Part = Literal["train", "test"]

# As many images validate as an epoch trains on, and at least this number. (On 4,000 the variance between seeds of a
# proxy is a quarter less than on 1,000; their forward passes take 8% of three epochs' time.)
MIN_VALIDATION_IMAGES = 1000
# The default epochs of a data set that has fewer images than its `train_size`, at most.
MAX_DEFAULT_EPOCHS = 20


class ImageSource(Protocol):
    """Labelled images that are decoded on demand."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """Each image's class, an index into `classes`."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes' names."""

    def images(self, indices: NDArray[np.int64], size_px: int) -> NDArray[np.uint8]:
        """The chosen images at size_px x size_px, (len(indices), channels, size_px, size_px). Raises DataError."""


@dataclass(frozen=True)
class ArraySource:
    """An ImageSource over images in memory, (N, channels, height, width) of uint8."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def images(self, indices: NDArray[np.int64], size_px: int) -> NDArray[np.uint8]:
        images = torch.from_numpy(self.pixels[indices])
        if images.shape[2:] != (size_px, size_px):
            resized = F.interpolate(images.float(), (size_px, size_px), mode="bilinear", antialias=True)
            images = resized.round().clamp(0, 255).to(torch.uint8)
        resized_NCHW: NDArray[np.uint8] = images.numpy()
        return resized_NCHW


@dataclass(frozen=True)
class Request:
    """The user's options for a data set: its argument (`imagefolder:ARGUMENT`), --data-dir and --download.

    A test part that is split off may be stratified by class, unless not to `stratify` keeps that of an earlier version.
    """

    argument: str | None = None
    data_dir: Path | None = None
    download: bool = False
    stratify: bool = True


@dataclass(frozen=True)
class Dataset:
    """A data set and suitable defaults for proxies.

    `open` takes the user's Request and the part; `size_px` is the largest size that a search chooses by default, and
    `own_px` gives the pictures' own size where it may be smaller; `flip` says whether a mirrored image keeps its class;
    `shift` is the augmentation's largest translation as a fraction of the image; `resize` is the rule by which sources
    fit pictures to a size (nas.exports.pictures.fitted), for those who use the trained network.
    """

    open: Callable[[Request, Part], ImageSource]
    size_px: int
    epochs: int
    train_size: int
    flip: bool
    shift: float
    own_px: Callable[[Any], int] | None = None
    resize: str = SQUASH

    def augmented(self, flip: bool | None, shift: float | None) -> "Dataset":
        """The data set with the user's augmentation, where that is not None."""
        return replace(self, flip=self.flip if flip is None else flip, shift=self.shift if shift is None else shift)

    def default_epochs(self, images: int) -> int:
        """The default epochs of a training on `images`, all that the data set has: fewer images than `train_size` are
        presented more often, at most MAX_DEFAULT_EPOCHS times.
        """
        return max(self.epochs, min(MAX_DEFAULT_EPOCHS, round(self.epochs * self.train_size / images)))

    def default_px(self, source: ImageSource) -> int:
        """The default size of a search's pictures."""
        return self.size_px if self.own_px is None else min(self.size_px, self.own_px(source))


@dataclass(frozen=True)
class ProxyData:
    """A trial's training and validation data: uint8 NCHW and int64 labels, disjoint, all from the training part."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    validation_images: NDArray[np.uint8]
    validation_labels: NDArray[np.int64]
    classes: int
    flip: bool
    shift_px: int
    metric: str = PLAIN_ACCURACY
    """The measure by which networks are judged (workers.training.judgement)."""
    is_stratified: bool = False
    """Whether the split is stratified by class."""
    class_counts: Mapping[str, int] = field(default_factory=dict)
    """The number of pictures of each class, of which the train and validation images are a part."""
    further_folds: "tuple[ProxyData, ...]" = ()
    """Other splits of the same images, with disjoint validation images, where one split has too few of them."""

    @property
    def model_input(self) -> ModelInput:
        """The input of networks for these images."""
        _, channels, height_px, width_px = self.train_images.shape
        return ModelInput(channels, height_px, width_px, self.classes)

    @property
    def digest(self) -> str:
        """The digest of the images and their labels: 16 hexadecimal digits."""
        digest = hashlib.blake2b(digest_size=8)
        for array in (self.train_images, self.train_labels, self.validation_images, self.validation_labels):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def split(
    dataset: Dataset,
    source: ImageSource,
    *,
    size_px: int,
    train_size: int,
    seed: int,
    folds: int = 1,
    stratify: bool = True,
    metric: str = PLAIN_ACCURACY,
) -> ProxyData:
    """Split the training part by the seed: `train_size` images to train on and of the others as many to validate on, or
    MIN_VALIDATION_IMAGES where that is more. With several `folds` each has its own, disjoint validation images.

    At least a fifth validates, even where fewer than `train_size` then remain to train on. More validation images give
    less noise in an accuracy: at 93% it has a standard error of 1.5% on 287 images, of 0.8% on 1,000. With `stratify` a
    split of rare classes is stratified (workers.data.splitting).

    Raises DataError where there are too few images.
    """
    classes = len(set(source.labels.tolist()))
    if classes < 2:
        raise DataError(f"the data set has {classes} class with images; at least 2 are needed to train a classifier")
    images = len(source.labels)
    fifth = int(images * HELD_OUT_FRACTION)
    held_out = min(max(MIN_VALIDATION_IMAGES, train_size), max(fifth, images - train_size))
    if fifth < 1:
        raise DataError(
            f"the data set has {images} images; at least {int(1 / HELD_OUT_FRACTION)} are needed to split it"
        )

    counts = np.bincount(source.labels, minlength=len(source.classes))

    def fold(number: int) -> ProxyData:
        training, validation = split_indices(source.labels, held_out, seed, number, stratify=stratify)
        training = training[:train_size]
        return ProxyData(
            train_images=source.images(training, size_px),
            train_labels=source.labels[training],
            validation_images=source.images(validation, size_px),
            validation_labels=source.labels[validation],
            classes=len(source.classes),
            flip=dataset.flip,
            shift_px=round(dataset.shift * size_px),
            metric=metric,
            is_stratified=stratify and has_rare_class(source.labels, held_out),
            class_counts=dict(zip(source.classes, counts.tolist(), strict=True)),
        )

    count = min(folds, images // held_out)
    return replace(fold(0), further_folds=tuple(fold(number) for number in range(1, count)))
