"""Picture files as an ImageSource, and the rules that suit them: channels, and the value of white in deep files."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Size, sides_of
from nas.errors import DataError
from nas.exports.pictures import (
    CHANNELS,
    COLOURS,
    CROP,
    DEEP_WHITE,
    GREY,
    RGB,
    Rules,
    background_of,
    decode,
    is_grey,
    largest_value,
    opened,
    white_of,
)
from workers.data.census import Census
from workers.data.content import digest_of
from workers.data.dataset import PictureFacts, Request

# Pictures whose values are read to find white, always the same of one folder.
WHITE_SAMPLE, WHITE_SEED = 100, 0


@dataclass(frozen=True)
class PictureSource:
    """An ImageSource over picture files, decoded on demand by the rules of the request, or by those that suit them.

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

    @cached_property
    def rules(self) -> Rules:
        """The rules by which pictures become pixels. Raises DataError for a file that cannot be read."""
        return self.request.rules or suitable_rules(self.paths, self.request)

    def images(self, indices: NDArray[np.int64], size_px: Size) -> NDArray[np.uint8]:
        """Decode the chosen pictures. Raises DataError with the file's name when one cannot be decoded."""
        sides = sides_of(size_px)
        limit = self.request.max_pixels
        try:
            pictures = [decode(self.paths[index], *sides, self.rules, limit) for index in indices]
        except DataError as error:
            raise DataError(f"{error}; --skip-unreadable leaves such files out") from error
        if not pictures:
            return np.empty((0, CHANNELS[self.rules.colour], *sides), np.uint8)
        return np.stack(pictures).transpose(0, 3, 1, 2)

    def facts(self) -> list[PictureFacts]:
        """Read the size and mode of each picture. Raises DataError."""
        return [_facts(path, self.request.max_pixels) for path in self.paths]


def _facts(path: Path, max_pixels: int) -> PictureFacts:
    with opened(path, max_pixels) as image:
        return PictureFacts(image.width, image.height, image.mode)


def suitable_rules(paths: Sequence[Path], request: Request) -> Rules:
    """Find the rules for a training part's pictures: grey where all are by their headers, white by a sample of them."""
    colour = COLOURS.get(request.colour)
    if colour is None:
        colour = GREY if all(is_grey(_mode(path, request.max_pixels)) for path in paths) else RGB
    white = _white(paths, request.max_pixels)
    return Rules(colour, request.resize or CROP, white, background_of(request.background))


def _mode(path: Path, max_pixels: int) -> str:
    with opened(path, max_pixels) as image:
        return image.mode


def _white(paths: Sequence[Path], max_pixels: int) -> float:
    """The value of white of deep files, by the largest value in a sample; DEEP_WHITE where it has none."""
    chosen = np.random.default_rng(WHITE_SEED).permutation(len(paths))[:WHITE_SAMPLE]
    largest = [value for index in chosen if (value := _largest(paths[index], max_pixels)) is not None]
    return white_of(max(largest)) if largest else DEEP_WHITE


def _largest(path: Path, max_pixels: int) -> float | None:
    with opened(path, max_pixels) as image:
        return largest_value(image)
