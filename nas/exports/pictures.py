"""Pictures as networks take them: 8-bit, upright, of one size. The same code reads them in training and in use."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageOps

from nas.errors import DataError
from nas.options import AUTO_COLOUR, DEFAULT_MAX_PIXELS

RGB, GREY = "RGB", "L"
# By the words of the option.
COLOURS = {"rgb": RGB, "grey": GREY}
CHANNELS = {GREY: 1, RGB: 3}
CROP, PAD, SQUASH = "crop", "pad", "squash"
Rgb = tuple[int, int, int]
# Transparent pixels and the margins of padded pictures have this colour: dark and bright content differs from it.
DEFAULT_BACKGROUND: Rgb = (128, 128, 128)
# The value of white in 8 bits, and in deeper files where no picture tells.
WHITE, DEEP_WHITE = 255.0, 65535.0
# JPEG files are decoded at a fraction of their size that is at least this many times the wanted one.
DRAFT_RATIO = 4
READ_ERRORS = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


@dataclass(frozen=True)
class Rules:
    """The rules by which pictures become pixels.

    `colour` is RGB or GREY. `resize`: CROP keeps the middle, PAD the whole, SQUASH changes the aspect. `white` is the
    value of white among integers of more than 8 bits and decimals. `background` is the colour behind transparent pixels
    and of PAD's margins.
    """

    colour: str = RGB
    resize: str = CROP
    white: float = WHITE
    background: Rgb = DEFAULT_BACKGROUND


class _PillowLimit:
    """Pillow's own limit of pixels, a variable of all threads: lifted as long as any of them reads pictures."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._readers = 0
        self._limit: int | None = None

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Lift the limit within the block."""
        with self._lock:
            if self._readers == 0:
                self._limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            self._readers += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1
                if self._readers == 0:
                    Image.MAX_IMAGE_PIXELS = self._limit


_PILLOW_LIMIT = _PillowLimit()


@contextmanager
def opened(path: Path, max_pixels: int = DEFAULT_MAX_PIXELS) -> Iterator[Image.Image]:
    """Open a picture file; its pixels are not read yet. Raises DataError, also for what goes wrong within the block."""
    if not path.is_file():
        # Opening a pipe would wait for a writer.
        raise DataError(f"image file {str(path)!r} cannot be read: it is not a file")
    try:
        with _PILLOW_LIMIT.lifted(), Image.open(path) as image:
            if image.width * image.height > max_pixels:
                raise ValueError(
                    f"its {image.width} x {image.height} pixels are more than --max-pixels {max_pixels} allows"
                )
            yield image
    except READ_ERRORS as error:
        raise DataError(f"image file {str(path)!r} cannot be read: {error}") from error


def decode(
    path: Path, height_px: int, width_px: int, rules: Rules, max_pixels: int = DEFAULT_MAX_PIXELS
) -> NDArray[np.uint8]:
    """Decode a file to (height_px, width_px, channels). Raises DataError with the file's name."""
    with opened(path, max_pixels) as image:
        # The file's sides may be the other way round.
        draft_px = DRAFT_RATIO * max(height_px, width_px)
        image.draft(None, (draft_px, draft_px))
        return fitted(ImageOps.exif_transpose(image), height_px, width_px, rules)


def fitted(image: Image.Image, height_px: int, width_px: int, rules: Rules) -> NDArray[np.uint8]:
    """Return the picture's pixels (height_px, width_px, channels). Raises ValueError for values below 0."""
    plain, size = as_bytes(image, rules), (width_px, height_px)
    if rules.resize == CROP:
        plain = ImageOps.fit(plain, size, Image.Resampling.BILINEAR)
    elif rules.resize == PAD:
        plain = ImageOps.pad(plain, size, Image.Resampling.BILINEAR, color=_margin(rules))
    else:
        plain = plain.resize(size, Image.Resampling.BILINEAR)
    pixels = np.asarray(plain)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def as_bytes(image: Image.Image, rules: Rules) -> Image.Image:
    """Convert to 8 bits in the colour mode, transparent pixels on the background. Raises ValueError as `fitted`."""
    if is_deep(image.mode):
        values = _deep_values(image).astype(np.float64)
        image = Image.fromarray(np.round(values * (255 / rules.white)).clip(0, 255).astype(np.uint8))
    elif image.has_transparency_data:
        opaque = Image.new("RGBA", image.size, (*rules.background, 255))
        image = Image.alpha_composite(opaque, image.convert("RGBA"))
    return image.convert(rules.colour)


def is_deep(mode: str) -> bool:
    """Whether Pillow's mode has values of more than 8 bits."""
    return mode.startswith(("I", "F"))


def is_grey(mode: str) -> bool:
    """Whether Pillow's mode has no colours; a palette's colours are not known by its mode."""
    return is_deep(mode) or mode in ("1", "L", "LA", "La")


def largest_value(image: Image.Image) -> float | None:
    """Return the largest value of a picture of more than 8 bits; None for any other. Raises ValueError as `fitted`."""
    return float(_deep_values(image).max()) if is_deep(image.mode) else None


def colour_of(channels: int) -> str:
    """Return the word for the pictures of networks with that many channels; AUTO_COLOUR where there is none."""
    return next((word for word, colour in COLOURS.items() if CHANNELS[colour] == channels), AUTO_COLOUR)


def background_of(name: str | None) -> Rgb:
    """Return the colour of a value of --background, by default DEFAULT_BACKGROUND. Raises ValueError for none."""
    # Pillow's grey is CSS's, 128.
    return DEFAULT_BACKGROUND if name is None else ImageColor.getrgb(name)[:3]


def background_name(background: Rgb) -> str:
    """Return the colour as #rrggbb."""
    return "#{:02x}{:02x}{:02x}".format(*background)


def white_of(largest: float) -> float:
    """Find the value of white: 1 for decimals up to 1, else the largest of 8, 9, ... bits that holds `largest`."""
    if 0 < largest <= 1:
        return 1.0
    return float(2 ** max(8, int(largest).bit_length()) - 1)


def image_of(picture: Any) -> Image.Image:
    """Make a picture of a PIL image, or of an array (H, W), (H, W, C) or (C, H, W): uint8, or decimals of 0 to 1.

    Raises DataError for anything else.
    """
    if isinstance(picture, Image.Image):
        return ImageOps.exif_transpose(picture)
    pixels = np.asarray(picture)
    if pixels.ndim == 3 and pixels.shape[-1] not in (1, 3, 4) and pixels.shape[0] in (1, 3, 4):
        pixels = pixels.transpose(1, 2, 0)
    if np.issubdtype(pixels.dtype, np.floating) and pixels.size and 0 <= pixels.min() <= pixels.max() <= 1:
        pixels = np.round(pixels * 255).astype(np.uint8)
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[-1] in (1, 3, 4))):
        raise DataError(
            f"a picture of {pixels.dtype} and shape {pixels.shape}; valid: (H, W), (H, W, C) or (C, H, W) of uint8, or "
            "of decimals from 0 to 1"
        )
    return Image.fromarray(pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels)


def _deep_values(image: Image.Image) -> NDArray[Any]:
    values = np.asarray(image)
    if not np.isfinite(values).all() or values.min() < 0:
        raise ValueError("its pixels are below 0 or not finite, and black is 0")
    return values


def _margin(rules: Rules) -> int | tuple[int, ...]:
    """The background as a pixel of the colour mode."""
    return ImageColor.getcolor(background_name(rules.background), rules.colour)
