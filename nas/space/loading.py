"""Loading of search spaces by name or from a file."""

from pathlib import Path

from nas import plugins
from nas.errors import ParameterError, UnknownNameError
from nas.space.search_space import SearchSpace
from nas.space.size import AUTO, SIZES, sized, split_size


def is_file(name: str) -> bool:
    """Whether `name` is a file of a space, by its ending."""
    return name.rpartition(".")[2] in plugins.names(plugins.SPACE_FILES) and "." in name


def check_space(name: str) -> None:
    """Check that `name` is a registered space or a file, with an optional size (`hybrid@l`). Nothing is imported.

    Raises UnknownNameError for another name, ParameterError for an unknown size.
    """
    name, _ = split_size(name)
    if not is_file(name) and name not in plugins.names(plugins.SPACES):
        endings = (f"FILE.{ending}" for ending in plugins.names(plugins.SPACE_FILES))
        raise UnknownNameError("space", name, (*plugins.names(plugins.SPACES), *endings))


def load_space(name: str) -> SearchSpace:
    """Load the registered space `name`, or the one that file `name` declares; `NAME@SIZE` scales it (nas.space.size).

    Raises UnknownNameError for another name, SpaceFileError or ParameterError for an invalid file.
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
