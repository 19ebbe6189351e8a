"""Data sets that torchvision reads from --data-dir; they are downloaded only with --download."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nas.errors import DataError, ParameterError
from workers.data.dataset import ArraySource, ImageSource, Request


def open_torchvision(name: str, load: Callable[[Path], Any], request: Request) -> ImageSource:
    """Make an ImageSource of the `data` and `targets` of torchvision's data set, which `load(root)` makes.

    Raises ParameterError for an argument or a missing --data-dir, DataError for missing or unreadable files.
    """
    if request.argument is not None:
        raise ParameterError(f"data set {name!r} takes no argument, not {request.argument!r}")
    if request.data_dir is None:
        raise ParameterError(f"data set {name!r} needs --data-dir DIR, the folder that holds torchvision's layout")
    if not request.data_dir.is_dir() and not request.download:
        raise DataError(f"--data-dir {str(request.data_dir)!r} is not a directory")
    try:
        data = load(request.data_dir)
    except (OSError, RuntimeError, ValueError, EOFError, zlib.error) as error:
        hint = "" if request.download else "; --download fetches it"
        reason = str(error).splitlines()[0]
        raise DataError(
            f"data set {name!r} cannot be read under --data-dir {str(request.data_dir)!r}: {reason}{hint}"
        ) from error
    images = np.asarray(data.data, dtype=np.uint8)
    images_NCHW = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    return ArraySource(images_NCHW, np.asarray(data.targets, dtype=np.int64), tuple(data.classes))
