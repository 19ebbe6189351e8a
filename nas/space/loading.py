"""Search spaces by name or by file."""

from pathlib import Path

from nas import plugins
from nas.errors import ParameterError, UnknownNameError
from nas.space.search_space import SearchSpace
from nas.space.size import AUTO, SIZES, sized, split_size


def is_file(name: str) -> bool:
    """Whether `name` means a file: by its ending."""
    return name.rpartition(".")[2] in plugins.names(plugins.SPACE_FILES) and "." in name


def check_space(name: str) -> None:
    """Raises UnknownNameError when there is no space, and no file, of that name. Nothing is imported.

    The name may end in a size (`hybrid@l`). Raises ParameterError for an unknown one.
    """
    name, _ = split_size(name)
    if not is_file(name) and name not in plugins.names(plugins.SPACES):
        endings = (f"FILE.{ending}" for ending in plugins.names(plugins.SPACE_FILES))
        raise UnknownNameError("space", name, (*plugins.names(plugins.SPACES), *endings))


def load_space(name: str) -> SearchSpace:
    """The registered space `name`, or the one that file `name` declares; `NAME@SIZE` scales it (nas.space.size).

    Raises UnknownNameError when there is neither, SpaceFileError or ParameterError for a file that declares none.
    """
    check_space(name)
    base, size = split_size(name)
    if size == AUTO:
        raise ParameterError(f"--space {name!r}: a search alone finds a size out; name one of {', '.join(SIZES)}")
    space: SearchSpace
    if is_file(base):
        space = plugins.load(plugins.SPACE_FILES, base.rpartition(".")[2])(Path(base))
    else:
        space = plugins.load(plugins.SPACES, base)
    return space if size is None else sized(space, size)
