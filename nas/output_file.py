"""Files that the user asked for: written whole or not at all."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from nas.errors import ParameterError


def write_text(option: str, path: Path, text: str) -> None:
    """Replace the file at `path` by `text` at once; a symbolic link stays one, a device or pipe is written to.

    Raises ParameterError naming `option` when the path cannot be written.
    """
    try:
        target = path.resolve()
        if target.is_dir():
            raise IsADirectoryError(0, "is a directory")
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8")
            return
        hidden = f".{target.name}."
        with NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, prefix=hidden, delete=False) as file:
            temporary = Path(file.name)
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    except OSError as error:
        raise ParameterError(f"{option} {str(path)!r} cannot be written: {error.strerror or error}") from error
