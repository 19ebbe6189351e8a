"""Atomic writes of output files: each is written completely or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from nas.errors import ParameterError


def write_text(option: str, path: Path, text: str) -> None:
    """Replace the file at `path` by `text` atomically; a symbolic link stays one, a device or pipe is written to.

    Raises ParameterError naming `option` if the path is not writable.
    """
    with atomic_write(option, path) as file:
        file.write_text(text, encoding="utf-8")


def check_folder_of(option: str, path: Path) -> None:
    """Check, before work that takes long, that the folder of an output file exists and is writable.

    Devices and pipes need none. Raises ParameterError naming `option`.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        return
    folder = path.resolve().parent
    if not folder.is_dir():
        raise ParameterError(f"{option} {str(path)!r} cannot be written: {str(folder)!r} is not a folder")
    if not os.access(folder, os.W_OK):
        raise ParameterError(f"{option} {str(path)!r} cannot be written: {str(folder)!r} is not writable")


@contextmanager
def atomic_write(option: str, path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces `path` if the block succeeds. Links, pipes, errors: as in `write_text`."""
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
    """Create the folder if it does not exist. Raises ParameterError naming `option` if that fails."""
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise ParameterError(f"{option} {str(path)!r} cannot be created: {error.strerror or error}") from error
