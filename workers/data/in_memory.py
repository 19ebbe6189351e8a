"""A data set that the caller has in memory: a pair of arrays, or a torch Dataset of pictures and labels."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import DataError
from workers.data.dataset import ArraySource, Dataset

# The prefix of its name among a study's settings; the rest is a digest of the content.
ARRAYS = "arrays"
MAX_DEFAULT_PX = 64
CHANNELS = (1, 3)


def in_memory(pictures: Any) -> tuple[str, Dataset]:
    """The name, by content, and the data set of the training pictures `(images, labels)` or of a torch Dataset.

    Images are uint8 (0 to 255) or floats (0 to 1) of shape (N, height, width), (N, channels, height, width) or
    (N, height, width, channels), in 1 or 3 channels. Labels are integers from 0, or names of classes.

    Raises DataError for anything else.
    """
    images_NCHW, labels, classes = _arrays(pictures)
    digest = hashlib.blake2b(digest_size=8)
    for array in (images_NCHW, labels):
        digest.update(np.ascontiguousarray(array).data)
    source = ArraySource(images_NCHW, labels, classes)
    dataset = Dataset(
        open=lambda *_: source,
        size_px=MAX_DEFAULT_PX,
        epochs=4,
        train_size=8000,
        flip=False,
        shift=0.1,
        own_px=lambda _: min(images_NCHW.shape[2:]),
    )
    return f"{ARRAYS}:{digest.hexdigest()}", dataset


def _arrays(pictures: Any) -> tuple[NDArray[np.uint8], NDArray[np.int64], tuple[str, ...]]:
    pair = pictures if isinstance(pictures, tuple | list) and len(pictures) == 2 else _collected(pictures)
    images, names = np.asarray(pair[0]), np.asarray(pair[1])
    if names.ndim != 1 or len(names) != len(images):
        raise DataError(f"dataset: {len(images)} images and labels of shape {names.shape}; one label each is needed")
    classes, labels = np.unique(names, return_inverse=True)
    return _as_bytes(_channels_first(images)), labels.astype(np.int64), tuple(str(name) for name in classes)


def _collected(dataset: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """The pictures and labels of a map-style torch Dataset."""
    try:
        items: Sequence[Any] = [dataset[index] for index in range(len(dataset))]
        images, labels = zip(*items, strict=True)
    except (TypeError, ValueError) as error:
        raise DataError(f"dataset: {type(dataset).__name__} is neither (images, labels) nor a torch Dataset") from error
    arrays = [np.asarray(image) for image in images]
    if len({array.shape for array in arrays}) > 1:
        raise DataError("dataset: the pictures differ in size; resize them, or use imagefolder:PATH")
    return np.stack(arrays), np.asarray(labels)


def _channels_first(images: NDArray[Any]) -> NDArray[Any]:
    if images.ndim == 3:
        return images[:, None]
    if images.ndim == 4 and images.shape[1] in CHANNELS:
        return images
    if images.ndim == 4 and images.shape[-1] in CHANNELS:
        return images.transpose(0, 3, 1, 2)
    valid = "(N, H, W), (N, C, H, W) or (N, H, W, C), C 1 or 3"
    raise DataError(f"dataset: images of shape {images.shape}; valid: {valid}")


def _as_bytes(images_NCHW: NDArray[Any]) -> NDArray[np.uint8]:
    if images_NCHW.dtype == np.uint8:
        return images_NCHW
    low, high = float(images_NCHW.min()), float(images_NCHW.max())
    if not np.issubdtype(images_NCHW.dtype, np.floating) or not 0 <= low <= high <= 1:
        raise DataError(
            f"dataset: images of {images_NCHW.dtype} from {low:g} to {high:g}; valid: uint8, or floats from 0 to 1"
        )
    return np.round(images_NCHW * 255).astype(np.uint8)
