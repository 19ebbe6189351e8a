"""Picture files as an ImageSource."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.exports.pictures import CROP, RGB, decode, opened
from workers.data.census import Census
from workers.data.content import digest_of
from workers.data.dataset import PictureFacts, Request


@dataclass(frozen=True)
class PictureSource:
    """An ImageSource over picture files, in colour, cropped to a square and resized on demand.

    `census` counts all of the listing of which they are a part.
    """

    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    request: Request
    census: Census

    @cached_property
    def digest(self) -> str:
        """The digest of the files' bytes and names, and of their classes (workers.data.content)."""
        return digest_of((self.classes[label], path) for label, path in zip(self.labels, self.paths, strict=True))

    def images(self, indices: NDArray[np.int64], size_px: int) -> NDArray[np.uint8]:
        """Decode the chosen pictures. Raises DataError with the file's name when one cannot be decoded."""
        pictures = [
            decode(
                self.paths[index],
                size_px,
                size_px,
                colour=RGB,
                resize=CROP,
                white=255.0,
                max_pixels=self.request.max_pixels,
            )
            for index in indices
        ]
        return np.stack(pictures).transpose(0, 3, 1, 2) if pictures else np.empty((0, 3, size_px, size_px), np.uint8)

    def facts(self) -> list[PictureFacts]:
        """Read the size and mode of each picture. Raises DataError."""
        return [_facts(path, self.request.max_pixels) for path in self.paths]


def _facts(path: Path, max_pixels: int) -> PictureFacts:
    with opened(path, max_pixels) as image:
        return PictureFacts(image.width, image.height, image.mode)
