"""Picture files by their names: the endings that Pillow decodes, and what is hidden."""

from PIL import Image

# Pillow recognises these formats and does not decode them.
UNDECODED = {"BUFR", "GRIB", "HDF5", "MPEG"}
# Archives made on macOS hold the files' attributes in a folder of this name.
ATTRIBUTES_FOLDER = "__MACOSX"


def picture_endings() -> frozenset[str]:
    """The endings of the formats that Pillow decodes, in lower case and with their dots."""
    formats = Image.registered_extensions()
    return frozenset(ending for ending, name in formats.items() if name in Image.OPEN and name not in UNDECODED)


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is no data."""
    return name.startswith(".") or name == ATTRIBUTES_FOLDER
