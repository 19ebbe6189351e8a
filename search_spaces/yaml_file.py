"""A YAML file as nodes, which know their lines. Reading never blocks, and constructs no objects."""

import stat
from pathlib import Path

import yaml

from nas.errors import ParameterError, SpaceFileError

# PyYAML reads about 100 kB per second; space files usually have one or two.
MAX_BYTES = 256 * 1024


def compose(path: Path) -> yaml.Node:
    """Parse the file and return its root node.

    Raises ParameterError when the file cannot be read, is not a regular file or has more than MAX_BYTES, SpaceFileError
    when it is not YAML.
    """
    content = _content(path)
    try:
        root = yaml.compose(content.decode(), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise _not_yaml(path, content.count(b"\n", 0, error.start), "the file is not text in UTF-8") from error
    except yaml.reader.ReaderError as error:
        line = content.decode().count("\n", 0, error.position)
        raise _not_yaml(path, line, f"character #x{error.character:02x} is not allowed") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        raise _not_yaml(path, mark.line if mark else 0, reason) from error
    except (ValueError, OverflowError) as error:
        # PyYAML does not check an escape such as \UFFFFFFFF, and gives no position for it.
        raise _not_yaml(path, 0, "an escape is not a character") from error
    except RecursionError:
        raise _not_yaml(path, 0, "lists or mappings are nested too deeply") from None
    if root is None:
        raise SpaceFileError([f"{path}:1: the file is empty; a space needs at least `stages`"])
    return root


def _content(path: Path) -> bytes:
    try:
        # Checked before it is opened: a pipe would block, a device may never end.
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise ParameterError(f"space file {str(path)!r} is not a regular file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ParameterError(f"space file {str(path)!r} cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise ParameterError(f"space file {str(path)!r} is larger than {MAX_BYTES // 1024} KiB")
    return content


def _not_yaml(path: Path, line: int, reason: str) -> SpaceFileError:
    return SpaceFileError([f"{path}:{line + 1}: not YAML: {reason}"])
