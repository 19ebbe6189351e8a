"""Numbers of bytes as text: `2GB`, `1.5 GiB`, `512MB` or a plain number."""

import math
import re
from collections.abc import Mapping

# Powers of 1,000 and, with an i, of 1,024.
UNITS: Mapping[str, int] = {"": 1} | {
    f"{letter}{binary}": base**power
    for power, letter in enumerate("KMGT", start=1)
    for binary, base in (("", 1000), ("i", 1024))
}


def parse_bytes(text: str) -> int:
    """Read a number of bytes. Raises ValueError for any other text."""
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*([KMGT]?I?)B?", text.strip().upper())
    unit = None if match is None else UNITS.get(match[2].replace("I", "i"))
    if match is None or unit is None:
        raise ValueError(f"{text!r} is not a number of bytes, written as 2GB, 1.5GiB, 512MB or 2000000")
    return math.floor(float(match[1]) * unit)


def bytes_text(count: int) -> str:
    """Write a number of bytes to three digits: `1.23 GB`."""
    power = 0 if count < 1000 else min(4, (len(str(count)) - 1) // 3)
    return f"{count / 1000**power:.3g} {('', 'k', 'M', 'G', 'T')[power]}B"
