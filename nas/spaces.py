"""Search spaces by name or by file."""

from pathlib import Path

from nas import plugins
from nas.errors import UnknownNameError
from nas.space import SearchSpace


def is_file(name: str) -> bool:
    """Whether `name` means a file: by its ending."""
    return name.rpartition(".")[2] in plugins.names(plugins.SPACE_FILES) and "." in name


def check_space(name: str) -> None:
    """Raises UnknownNameError when there is no space, and no file, of that name. Nothing is imported."""
    if not is_file(name) and name not in plugins.names(plugins.SPACES):
        endings = (f"FILE.{ending}" for ending in plugins.names(plugins.SPACE_FILES))
        raise UnknownNameError("space", name, (*plugins.names(plugins.SPACES), *endings))


def load_space(name: str) -> SearchSpace:
    """The registered space `name`, or the one that file `name` declares.

    Raises UnknownNameError when there is neither, SpaceFileError or ParameterError for a file that declares none.
    """
    check_space(name)
    if is_file(name):
        space: SearchSpace = plugins.load(plugins.SPACE_FILES, name.rpartition(".")[2])(Path(name))
        return space
    registered: SearchSpace = plugins.load(plugins.SPACES, name)
    return registered
