"""Data sets of searches and trainings: the source of images, suitable defaults, and the split of the training part."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from nas.architecture import ModelInput, Size, sides_of
from nas.errors import DataError
from nas.evaluation import EvaluationOptions
from nas.exports.pictures import CHANNELS, GREY, RGB, SQUASH, Rules
from nas.exports.training import TrainingOptions
from nas.options import AUTO_COLOUR, DEFAULT_MAX_PIXELS, HEADERS, PLAIN_ACCURACY
from workers.data.census import TEST, TRAIN, Census
from workers.data.splitting import HELD_OUT_FRACTION, has_rare_class, split_indices

Part = Literal["train", "test"]

# As many images validate as an epoch trains on, and at least this number. (On 4,000 the variance between seeds of a
# proxy is a quarter less than on 1,000; their forward passes take 8% of three epochs' time.)
MIN_VALIDATION_IMAGES = 1000
# The default epochs of a data set that has fewer images than its `train_size`, at most.
MAX_DEFAULT_EPOCHS = 20
# Images that are copied at a time for a digest: all may be more than memory has room for.
DIGESTED_TOGETHER = 256


class ImageSource(Protocol):
    """Labelled images that are decoded on demand. It may have `rules`, too: see HasRules.

    A source of the user's own files may have a `digest` of their content, by which a study knows its data
    (workers.data.content).
    """

    @property
    def labels(self) -> NDArray[np.int64]:
        """Each image's class, an index into `classes`."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes' names."""

    def images(self, indices: NDArray[np.int64], size_px: Size) -> NDArray[np.uint8]:
        """The chosen images, (len(indices), channels, height_px, width_px). Raises DataError.

        `size_px` is one number for squares, and a pair (height_px, width_px) only where the user wants no square.
        """


@runtime_checkable
class HasRules(Protocol):
    """An ImageSource that knows by which rules files become its images, for those who use the trained network."""

    @property
    def rules(self) -> Rules:
        """The rules. Raises DataError for a file that cannot be read."""


class PictureFacts(NamedTuple):
    """The size of a picture as it is, and its mode as Pillow names it."""

    width_px: int
    height_px: int
    mode: str


@runtime_checkable
class Described(Protocol):
    """An ImageSource that reports facts about its pictures, such as sizes, without decoding them."""

    def facts(self) -> list[PictureFacts]:
        """The facts of each picture. Raises DataError."""


@dataclass(frozen=True)
class ArraySource:
    """An ImageSource over images in memory, (N, channels, height, width) of uint8."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def images(self, indices: NDArray[np.int64], size_px: Size) -> NDArray[np.uint8]:
        images, sides = torch.from_numpy(self.pixels[indices]), sides_of(size_px)
        if tuple(images.shape[2:]) != tuple(sides):
            resized = F.interpolate(images.float(), sides, mode="bilinear", antialias=True)
            images = resized.round().clamp(0, 255).to(torch.uint8)
        resized_NCHW: NDArray[np.uint8] = images.numpy()
        return resized_NCHW

    def facts(self) -> list[PictureFacts]:
        images, channels, height_px, width_px = self.pixels.shape
        return [PictureFacts(width_px, height_px, GREY if channels == 1 else RGB)] * images


@dataclass(frozen=True)
class Request:
    """The user's options for a data set: its argument (`imagefolder:ARGUMENT`), and options of the same names.

    `unreadable` has the picture files that a check left out; None where none was checked yet. `rules` are the training
    part's, for other parts and processes.

    A test part that is split off may be stratified by class, unless not to `stratify` keeps that of an earlier version.

    `index_folder` holds the index of the picture files; None is the user's cache folder.
    """

    argument: str | None = None
    data_dir: Path | None = None
    download: bool = False
    follow_links: bool = False
    empty_classes: bool = False
    skip_unreadable: bool = False
    check_pictures: str = HEADERS
    colour: str = AUTO_COLOUR
    resize: str | None = None
    background: str | None = None
    max_pixels: int = DEFAULT_MAX_PIXELS
    stratify: bool = True
    index_folder: Path | None = None
    unreadable: tuple[str, ...] | None = None
    rules: Rules | None = None

    @classmethod
    def of(cls, argument: str, options: EvaluationOptions | TrainingOptions) -> Self:
        """Make the request for a data set's argument from the options of a search or a training."""
        named = {entry.name for entry in fields(cls)} & {entry.name for entry in fields(options)}
        return cls(argument or None, **{name: getattr(options, name) for name in named})

    def checked(self, census: Census) -> Self:
        """The request for the same files once more, which need no check: nothing is fetched or checked again."""
        return replace(self, download=False, unreadable=census.unreadable)


@dataclass(frozen=True)
class Dataset:
    """A data set and suitable defaults for proxies.

    `open` takes the user's Request and the part; `size_px` is the largest size that a search chooses by default, and
    `own_px` gives the pictures' own size where it may be smaller; `flip` says whether a mirrored image keeps its class;
    `shift` is the augmentation's largest translation as a fraction of the image; `resize` is the rule by which sources
    fit pictures to a size (nas.exports.pictures.fitted), for those who use the trained network; `census` counts a
    source's pictures where more is known than its labels.
    """

    open: Callable[[Request, Part], ImageSource]
    size_px: int
    epochs: int
    train_size: int
    flip: bool
    shift: float
    own_px: Callable[[Any], int] | None = None
    resize: str = SQUASH
    census: Callable[[Any], Census] | None = None

    def augmented(self, flip: bool | None, shift: float | None) -> "Dataset":
        """The data set with the user's augmentation, where that is not None."""
        return replace(self, flip=self.flip if flip is None else flip, shift=self.shift if shift is None else shift)

    def default_epochs(self, images: int) -> int:
        """The default epochs of a training on `images`, all that the data set has: fewer images than `train_size` are
        presented more often, at most MAX_DEFAULT_EPOCHS times.
        """
        return max(self.epochs, min(MAX_DEFAULT_EPOCHS, round(self.epochs * self.train_size / images)))

    def census_of(self, train: ImageSource, test: ImageSource | None = None) -> Census:
        """Count the pictures of the training part's source, and of the test part's where it is open or comes along."""
        if self.census is not None:
            return self.census(train)
        sources = {TRAIN: train} | ({} if test is None else {TEST: test})
        counts = {part: np.bincount(source.labels, minlength=len(train.classes)) for part, source in sources.items()}
        return Census(train.classes, {part: tuple(by_class.tolist()) for part, by_class in counts.items()})

    def default_px(self, source: ImageSource) -> int:
        """The default size of a search's pictures."""
        return self.size_px if self.own_px is None else min(self.size_px, self.own_px(source))

    def shift_px(self, size_px: Size) -> int:
        """The augmentation's largest translation of images of that size, by their shorter side."""
        return round(self.shift * min(sides_of(size_px)))

    def rules(self, source: ImageSource, channels: int) -> Rules:
        """The rules by which pictures become images of a source: its own, or these defaults."""
        if isinstance(source, HasRules):
            return source.rules
        return Rules(GREY if channels == CHANNELS[GREY] else RGB, self.resize)


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
            for first in range(0, len(array), DIGESTED_TOGETHER):
                digest.update(np.ascontiguousarray(array[first : first + DIGESTED_TOGETHER]).data)
        return digest.hexdigest()

    def first(self, images: int) -> "ProxyData":
        """The same data with the first training images alone, of each fold."""
        if images >= len(self.train_labels):
            return self
        return replace(
            self,
            train_images=self.train_images[:images],
            train_labels=self.train_labels[:images],
            further_folds=tuple([fold.first(images) for fold in self.further_folds]),
        )


def split(
    dataset: Dataset,
    source: ImageSource,
    *,
    size_px: Size,
    train_size: int,
    seed: int,
    folds: int = 1,
    stratify: bool = True,
    metric: str = PLAIN_ACCURACY,
    keep: int = 0,
) -> ProxyData:
    """Split the training part by the seed: `train_size` images to train on and of the others as many to validate on, or
    MIN_VALIDATION_IMAGES where that is more. Up to `keep` images to train on are loaded where that is more than
    `train_size`; those to validate on are the same. With several `folds` each has its own, disjoint validation images.

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
        training = training[: max(train_size, keep)]
        return ProxyData(
            train_images=source.images(training, size_px),
            train_labels=source.labels[training],
            validation_images=source.images(validation, size_px),
            validation_labels=source.labels[validation],
            classes=len(source.classes),
            flip=dataset.flip,
            shift_px=dataset.shift_px(size_px),
            metric=metric,
            is_stratified=stratify and has_rare_class(source.labels, held_out),
            class_counts=dict(zip(source.classes, counts.tolist(), strict=True)),
        )

    count = min(folds, images // held_out)
    return replace(fold(0), further_folds=tuple(fold(number) for number in range(1, count)))
