"""The size of pictures: one number of px for squares, a pair (height_px, width_px) for all others."""

from typing import NamedTuple


class Sides(NamedTuple):
    """A size that is no square, written as 32x128."""

    height_px: int
    width_px: int

    def __str__(self) -> str:
        return f"{self.height_px}x{self.width_px}"


Size = int | tuple[int, int]


def sides_of(size_px: Size) -> Sides:
    """Return height and width, which are the same for one number."""
    return Sides(size_px, size_px) if isinstance(size_px, int) else Sides(*size_px)


def size_of(height_px: int, width_px: int) -> int | Sides:
    """Return the size of these sides: one number where they are equal."""
    return height_px if height_px == width_px else Sides(height_px, width_px)


def parse_size(text: str) -> int | Sides:
    """Parse `224` or `224x160`, height first. Raises ValueError for anything else, 0 px included."""
    sides = text.split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise ValueError(f"{text!r} is neither pixels, such as 224, nor HEIGHTxWIDTH, such as 224x160")
    return size_of(int(sides[0]), int(sides[-1]))
