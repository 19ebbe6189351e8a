"""Picture files as an ImageSource, and the rules that suit them: channels, and the value of white in deep files."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
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
    is_deep,
    is_grey,
    largest_value,
    opened,
    white_of,
)
from nas.latency.machine import available_cores
from workers.data.census import Census
from workers.data.content import digest_of
from workers.data.dataset import PictureFacts, Request
from workers.data.file_digest import DIGEST_BYTES
from workers.data.picture_facts import Facts
from workers.data.picture_look import look

# Pictures whose values are read to find white, always the same of one folder.
WHITE_SAMPLE, WHITE_SEED = 100, 0
# Pictures that a thread decodes at a time.
DECODED_TOGETHER = 16


@dataclass(frozen=True)
class PictureSource:
    """An ImageSource over picture files, decoded on demand by the rules of the request, or by those that suit them.

    `census` counts all of the listing of which they are a part. `facts_by_check` are theirs, None where they were
    checked before.
    """

    files: Sequence[str]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    request: Request
    census: Census
    root: Path
    facts_by_check: Facts | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files' paths."""
        return tuple(map(Path, self.files))

    @cached_property
    def known_facts(self) -> Facts:
        """The facts of the files. Raises DataError for one that cannot be read."""
        if self.facts_by_check is not None:
            return self.facts_by_check
        view = look(self.files, self.root, self.request, keep=False)
        if view.problems:
            raise DataError(next(iter(view.problems.values())))
        return view.facts

    @cached_property
    def digest(self) -> str:
        """The digest of the files' bytes and names, and of their classes (workers.data.content)."""
        names = (os.path.basename(file) for file in self.files)
        digests = self.known_facts["digest"].tobytes()
        contents = (digests[first : first + DIGEST_BYTES] for first in range(0, len(digests), DIGEST_BYTES))
        labels = (self.classes[label] for label in self.labels.tolist())
        return digest_of(zip(labels, names, contents, strict=True))

    @cached_property
    def rules(self) -> Rules:
        """The rules by which pictures become pixels: grey where all headers say so, the value of white by a sample.

        Raises DataError for a file that cannot be read.
        """
        if self.request.rules:
            return self.request.rules
        colour = COLOURS.get(self.request.colour)
        if colour is None:
            colour = GREY if all(is_grey(mode) for mode in self._modes) else RGB
        return Rules(colour, self.request.resize or CROP, self._white(), background_of(self.request.background))

    def images(self, indices: NDArray[np.int64], size_px: Size) -> NDArray[np.uint8]:
        """Decode the chosen pictures. Raises DataError with the file's name when one cannot be decoded."""
        sides = sides_of(size_px)
        images_NHWC = np.empty((len(indices), *sides, CHANNELS[self.rules.colour]), np.uint8)

        def fill(first: int) -> None:
            for place in range(first, min(first + DECODED_TOGETHER, len(indices))):
                path = Path(self.files[indices[place]])
                images_NHWC[place] = decode(path, *sides, self.rules, self.request.max_pixels)

        try:
            # Pillow decodes outside of Python's lock.
            with ThreadPoolExecutor(available_cores()) as decoders:
                list(decoders.map(fill, range(0, len(indices), DECODED_TOGETHER)))
        except DataError as error:
            raise DataError(f"{error}; --skip-unreadable leaves such files out") from error
        return images_NHWC.transpose(0, 3, 1, 2)

    def facts(self) -> list[PictureFacts]:
        """The size and mode of each picture. Raises DataError."""
        rows = self.known_facts[["width_px", "height_px", "mode"]].tolist()
        return [PictureFacts(width_px, height_px, mode.decode()) for width_px, height_px, mode in rows]

    @property
    def _modes(self) -> list[str]:
        """The modes that there are among the pictures."""
        return [mode.decode() for mode in np.unique(self.known_facts["mode"]).tolist()]

    def _white(self) -> float:
        """The value of white of deep files, by the largest value in a sample of them; DEEP_WHITE without any."""
        deep_modes = [mode.encode() for mode in self._modes if is_deep(mode)]
        deep = np.flatnonzero(np.isin(self.known_facts["mode"], deep_modes))
        chosen = deep[np.random.default_rng(WHITE_SEED).permutation(len(deep))[:WHITE_SAMPLE]]
        largest = [value for index in chosen.tolist() if (value := self._largest(index)) is not None]
        return white_of(max(largest)) if largest else DEEP_WHITE

    def _largest(self, index: int) -> float | None:
        with opened(Path(self.files[index]), self.request.max_pixels) as image:
            return largest_value(image)
