"""Decoded images: in memory up to a bound, beyond it in a file that all processes of a machine map."""

import math
import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Size
from nas.errors import OptionError
from nas.latency.byte_size import bytes_text
from nas.latency.machine import available_bytes
from workers.data.dataset import ImageSource

# The default bound, as a share of the free memory: the driver has the images beside Ray's object store.
DEFAULT_SHARE = 0.25
# Images that are decoded before they are written to the file.
CHUNK_BYTES = 2**25


def bound_bytes(chosen: int | None) -> int:
    """The bound that the user chose, by default DEFAULT_SHARE of the free memory."""
    return int(DEFAULT_SHARE * available_bytes()) if chosen is None else chosen


class MappedImages(np.memmap):
    """Images (N, channels, height, width) of a file, which lasts as long as the array that made it.

    Pickled by the file's name where they are all of the file, else as an ordinary array.
    """

    def __reduce_ex__(self, protocol: Any) -> Any:
        file = self.base
        if isinstance(file, MappedImages) and _places(self) == _places(_channels_first(file)):
            return map_images, (str(file.filename), file.shape)
        return np.asarray(self).__reduce_ex__(protocol)


def map_images(file: str, shape_NHWC: Sequence[int]) -> NDArray[np.uint8]:
    """Map the images of a file to memory, read-only."""
    return _channels_first(MappedImages(file, np.uint8, "r", shape=tuple(shape_NHWC)))


def is_mapped(images: NDArray[np.uint8]) -> bool:
    """Whether images are in a file rather than in memory."""
    return isinstance(images, MappedImages)


class BoundedSource:
    """An ImageSource whose images are in memory up to `bound` bytes in all; the others are in temporary files.

    `note` is then a line for the user.
    """

    def __init__(self, source: ImageSource, bound: int) -> None:
        self._source = source
        self._bound = self._remaining = bound
        self._bytes = self._images = 0
        self.labels, self.classes = source.labels, source.classes

    def images(self, indices: NDArray[np.int64], size_px: Size) -> NDArray[np.uint8]:
        """Decode the images. Raises DataError, and OptionError where the file's disk has no room for them."""
        first = self._source.images(indices[:1], size_px)
        needed = first.nbytes * len(indices)
        self._bytes += needed
        self._images += len(indices)
        if needed <= self._remaining:
            self._remaining -= needed
            return self._source.images(indices, size_px)
        _, channels, height_px, width_px = first.shape
        return self._mapped(indices, size_px, (len(indices), height_px, width_px, channels))

    @property
    def note(self) -> str | None:
        if self._bytes <= self._bound:
            return None
        return (
            f"{self._images:,} decoded pictures take {bytes_text(self._bytes)}, and --data-memory allows "
            f"{bytes_text(self._bound)}: those beyond it are read from a file in {tempfile.gettempdir()!r} as they are "
            "needed, with the same results"
        )

    def _mapped(self, indices: NDArray[np.int64], size_px: Size, shape_NHWC: tuple[int, ...]) -> NDArray[np.uint8]:
        try:
            folder = tempfile.mkdtemp(prefix="nas-data-")
            file = _reserved(folder, math.prod(shape_NHWC))
        except OSError as error:
            raise OptionError(
                "{data_memory} {}: the images beyond it take {} in a file, for which {!r} has no room ({}); take fewer "
                "or smaller images, or name another folder in TMPDIR",
                bytes_text(self._bound),
                bytes_text(math.prod(shape_NHWC)),
                tempfile.gettempdir(),
                error.strerror or error,
            ) from error
        images = MappedImages(file, np.uint8, "r+", shape=shape_NHWC)
        weakref.finalize(images, shutil.rmtree, folder, ignore_errors=True)
        step = max(1, CHUNK_BYTES // (images.nbytes // len(indices)))
        for first in range(0, len(indices), step):
            chunk = slice(first, first + step)
            images[chunk] = self._source.images(indices[chunk], size_px).transpose(0, 2, 3, 1)
        return _channels_first(images)


def _reserved(folder: str, count: int) -> Path:
    """Make a file of that many bytes. Raises OSError where there is no room: later the process would be killed."""
    file = Path(folder, "images")
    try:
        with file.open("wb") as stream:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(stream.fileno(), 0, count)
            else:
                stream.truncate(count)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return file


def _channels_first(images_NHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return images_NHWC.transpose(0, 3, 1, 2)


def _places(images: NDArray[np.uint8]) -> tuple[Any, ...]:
    """The place in memory of each pixel."""
    return images.ctypes.data, images.shape, images.strides
