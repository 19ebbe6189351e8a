"""The digest of a file's bytes."""

import hashlib
from pathlib import Path

from nas.errors import DataError

DIGEST_BYTES = 8


def file_digest(path: Path) -> bytes:
    """Compute the digest of a file's bytes. Raises DataError for one that cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=DIGEST_BYTES)).digest()
    except OSError as error:
        raise DataError(f"file {str(path)!r} cannot be read: {error.strerror or error}") from error
