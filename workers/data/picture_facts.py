"""Facts of picture files in columns, about 50 bytes a file: a state that changes with the file, and what it holds."""

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

STATE = [("size_bytes", "<i8"), ("mtime_ns", "<i8"), ("ctime_ns", "<i8")]
STATE_FIELDS = [name for name, _ in STATE]
# The digest is that of workers.data.file_digest, the mode Pillow's; `is_decoded` says that all of the file was.
FACTS = np.dtype(
    [*STATE, ("digest", "<u8"), ("width_px", "<u4"), ("height_px", "<u4"), ("mode", "S8"), ("is_decoded", "?")]
)
# Arrays of FACTS, in the order of some files.
Facts = NDArray[np.void]
# The size of a file whose facts are not known.
UNKNOWN_BYTES = -1


def unknown(files: int) -> Facts:
    """Make the facts of files that no one has looked at."""
    facts = np.zeros(files, FACTS)
    facts["size_bytes"] = UNKNOWN_BYTES
    return facts


def states_of(files: Sequence[str]) -> Facts:
    """Read the states of files; that of a file which is gone or closed to the user has UNKNOWN_BYTES."""
    return np.fromiter(map(_state, files), np.dtype(STATE), len(files))


def _state(file: str) -> tuple[int, int, int]:
    try:
        status = os.stat(file)
    except OSError:
        return UNKNOWN_BYTES, 0, 0
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
