"""The index of the picture files of a folder or table, so that later looks read only files that have changed.

A file beside the study's database, or in the user's cache folder where the database is on a server, named after the
real path of the folder or table. An index that cannot be read is made again. Several processes may write it: the last
one counts.
"""

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from workers.data.picture_facts import FACTS, Facts, unknown

# The version of the format, and of what the facts mean.
VERSION = 1
ENDING = ".npz"
DIGEST_BYTES = 6


class PictureIndex:
    """The index, in `folder`, of the pictures of a place; `problem` is a line for the user where there is one."""

    def __init__(self, place: Path, folder: Path | None) -> None:
        self.problem: str | None = None
        real = os.path.realpath(place)
        digest = hashlib.blake2b(os.fsencode(real), digest_size=DIGEST_BYTES).hexdigest()
        self._title = f"the index of the pictures in {str(place)!r}"
        self._file = (folder or cache_folder()) / f"nas-pictures-{digest}{ENDING}"
        self._place = os.fsencode(real)

    def facts_of(self, names: Sequence[str]) -> Facts:
        """The facts of the files of these names, in their order; unknown where the index does not have one."""
        try:
            with np.load(self._file, allow_pickle=False) as entries:
                if int(entries["version"]) != VERSION or entries["place"].tobytes() != self._place:
                    raise ValueError("another version or place")
                listed, facts = entries["names"].tobytes(), entries["facts"]
                if facts.dtype != FACTS or facts.ndim != 1 or len(facts) != listed.count(b"\0"):
                    raise ValueError("entries of other forms")
        except FileNotFoundError:
            return unknown(len(names))
        except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile):
            self.problem = f"{self._title}, {str(self._file)!r}, is damaged or of another version; it is made again"
            return unknown(len(names))
        if listed == _joined(names):
            return np.asarray(facts)
        rows = {name: row for row, name in enumerate(listed.split(b"\0")[:-1])}
        positions = np.fromiter((rows.get(os.fsencode(name), -1) for name in names), np.int64, len(names))
        known = positions >= 0
        aligned = unknown(len(names))
        aligned[known] = facts[positions[known]]
        return aligned

    def write(self, names: Sequence[str], facts: Facts) -> None:
        """Replace the index, in one step. Without it a search is as good: a failure is the `problem`."""
        temporary = None
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            number, temporary = tempfile.mkstemp(dir=self._file.parent, prefix=self._file.stem, suffix=ENDING)
            with os.fdopen(number, "wb") as stream:
                listed, place = (np.frombuffer(text, np.uint8) for text in (_joined(names), self._place))
                np.savez(stream, version=VERSION, place=place, names=listed, facts=facts)
            os.replace(temporary, self._file)
        except OSError as error:
            self.problem = (
                f"{self._title} cannot be kept in {str(self._file.parent)!r} ({error.strerror or error}); the next "
                "search reads all files again"
            )
            if temporary is not None:
                with suppress(OSError):
                    os.unlink(temporary)


def cache_folder() -> Path:
    """The folder for files that this program can make again: $XDG_CACHE_HOME/nas, by default ~/.cache/nas."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "nas"


def _joined(names: Sequence[str]) -> bytes:
    return b"".join(os.fsencode(name) + b"\0" for name in names)
