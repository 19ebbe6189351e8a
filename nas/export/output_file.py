"""Files that the user asked for: written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from nas.errors import ParameterError


def write_text(option: str, path: Path, text: str) -> None:
    """Replace the file at `path` by `text` at once; a symbolic link stays one, a device or pipe is written to.

    Raises ParameterError naming `option` when the path cannot be written.
    """
    with atomic_write(option, path) as file:
        file.write_text(text, encoding="utf-8")


@contextmanager
def atomic_write(option: str, path: Path) -> Iterator[Path]:
    """A path to write to that replaces `path` when the block has gone well. Otherwise as `write_text`."""
    try:
        target = path.resolve()
        if target.is_dir():
            raise IsADirectoryError(0, "is a directory")
        if target.exists() and not target.is_file():
            yield target
            return
        with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
            temporary = Path(folder) / target.name
            yield temporary
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(target)
    except OSError as error:
        raise ParameterError(f"{option} {str(path)!r} cannot be written: {error.strerror or error}") from error


def make_folder(option: str, path: Path) -> None:
    """Make the folder, if it is not there. Raises ParameterError naming `option` when it cannot be made."""
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise ParameterError(f"{option} {str(path)!r} cannot be made: {error.strerror or error}") from error
