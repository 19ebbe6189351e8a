"""The way from a picture to a network's input, and the names of its outputs: part of every trained network's config."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nas.errors import DataError, ParameterError
from nas.exports.pictures import (
    CHANNELS,
    CROP,
    DEFAULT_BACKGROUND,
    RGB,
    WHITE,
    Rgb,
    Rules,
    decode,
    fitted,
    image_of,
)
from nas.options import DEFAULT_MAX_PIXELS


@dataclass(frozen=True)
class Preprocessing:
    """The way from pictures to a network's input, and the classes of its outputs, in their order.

    `mean` and `std` are by channel, of values from 0 (black) to 1 (white): an input is (value - mean) / std. `resize`
    is crop, pad or squash (nas.exports.pictures.fitted), bilinear with antialiasing. `white` is the value of white in
    files of more than 8 bits, `background` the colour behind transparent pixels and of margins.
    """

    height_px: int
    width_px: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    classes: tuple[str, ...]
    colour: str = RGB
    resize: str = CROP
    white: float = WHITE
    background: Rgb = DEFAULT_BACKGROUND

    @property
    def mean_255(self) -> NDArray[np.float32]:
        """The mean of values from 0 to 255, (channels, 1, 1)."""
        return np.asarray(self.mean, np.float32)[:, None, None] * 255

    @property
    def std_255(self) -> NDArray[np.float32]:
        """The standard deviation of values from 0 to 255, (channels, 1, 1)."""
        return np.asarray(self.std, np.float32)[:, None, None] * 255

    @property
    def rules(self) -> Rules:
        """The rules by which pictures become pixels."""
        return Rules(self.colour, self.resize, self.white, self.background)

    def image(self, picture: Any, max_pixels: int = DEFAULT_MAX_PIXELS) -> NDArray[np.uint8]:
        """Return the pixels (channels, height_px, width_px) of a file's path, a PIL image or an array.

        Raises DataError for what is no picture, and for a file of more pixels than `max_pixels`.
        """
        if isinstance(picture, str | Path):
            pixels_HWC = decode(Path(picture), self.height_px, self.width_px, self.rules, max_pixels)
        else:
            try:
                pixels_HWC = fitted(image_of(picture), self.height_px, self.width_px, self.rules)
            except ValueError as error:
                raise DataError(f"a picture cannot be used: {error}") from error
        return pixels_HWC.transpose(2, 0, 1)

    def normalised(self, images_NCHW: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Normalise images by channel, as the network itself takes them."""
        normalised_NCHW: NDArray[np.float32] = (images_NCHW - self.mean_255) / self.std_255
        return normalised_NCHW

    def resized(self, height_px: int, width_px: int) -> Self:
        return replace(self, height_px=height_px, width_px=width_px)

    def to_dict(self) -> dict[str, Any]:
        """Convert to JSON values, documented in docs/exporting.md."""
        return {**asdict(self), "interpolation": "bilinear"}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`. Raises ParameterError for what is none."""
        try:
            made = cls(
                int(record["height_px"]),
                int(record["width_px"]),
                tuple(float(value) for value in record["mean"]),
                tuple(float(value) for value in record["std"]),
                tuple(str(name) for name in record["classes"]),
                str(record["colour"]),
                str(record["resize"]),
                float(record["white"]),
                _rgb(record.get("background", DEFAULT_BACKGROUND)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ParameterError(
                f"preprocessing {json.dumps(record, default=str)[:200]} is incomplete: {error!r}"
            ) from error
        if CHANNELS.get(made.colour) != len(made.mean) or len(made.mean) != len(made.std):
            raise ParameterError(f"preprocessing has colour {made.colour!r} and means of {len(made.mean)} channels")
        return made


def _rgb(values: Any) -> Rgb:
    red, green, blue = map(int, values)
    return red, green, blue
