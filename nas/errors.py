"""The exceptions. The command line turns a NasError into one line and an exit code."""

import copyreg
from collections.abc import Callable, Iterable, Sequence
from string import Formatter
from typing import Any


class NasError(Exception):
    """Base class of errors that are reported to the user in one line, without a traceback."""

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as it is, for workers raise these errors too: by default it would be made anew from its message."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class UserError(NasError):
    """An invalid request: the message names the parameter, its value and the valid values."""

    exit_code = 2


class UnknownNameError(UserError):
    """A name that matches no plug-in, study or choice."""

    def __init__(self, what: str, name: str, valid: Iterable[str]) -> None:
        choices = ", ".join(sorted(valid)) or "none"
        super().__init__(f"unknown {what} {name!r}; valid: {choices}")


class ParameterError(UserError):
    """A parameter value that is out of range or malformed."""


class _OptionNames(dict[str, str]):
    """Names of options, by their fields' names."""

    def __init__(self, name_of: Callable[[str], str]) -> None:
        self._name_of = name_of

    def __missing__(self, name: str) -> str:
        return self._name_of(name)


class NamedOptionsError(UserError):
    """An error about options: `{name}` in its message stands for the option of that field, `{}` for the next value.

    Its text names options as Python does; the command line names their flags.
    """

    def __str__(self) -> str:
        return self.naming(str)

    def naming(self, name_of: Callable[[str], str]) -> str:
        """The text, with each option's name as `name_of` gives it."""
        message, *values = self.args
        return Formatter().vformat(message, values, _OptionNames(name_of))


class OptionError(NamedOptionsError, ParameterError):
    """An option's value that is out of range, of the wrong form, or does not go with another option's."""


class TooBigError(ParameterError, MemoryError):
    """A request that does not fit in memory. Evaluators record it; the command line reports it."""


class SpaceFileError(UserError):
    """A file that declares no valid search space; `mistakes` has one line each, with the place in the file."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = list(mistakes)
        more = len(self.mistakes) - 1
        super().__init__(self.mistakes[0] + (f" (and {more} more: `nas spaces validate` lists them)" if more else ""))


class PluginError(UserError, ImportError):
    """A plug-in that cannot be imported, or that is not of the form that its group needs."""


class PackageConflictError(PluginError):
    """A module of the user's and a package of ours of the same name, where one process needs both."""


class DataError(UserError):
    """A data set that is missing, unreadable or unusable for training."""


class StorageError(UserError):
    """A database that cannot be reached, read or written."""


class ExportError(UserError):
    """A network that the export format cannot represent, or an export whose outputs differ from the network's."""


class InfeasibleError(UserError):
    """No measured architecture meets the user's constraints."""


class LimitError(NamedOptionsError, InfeasibleError):
    """A limit among the options that nothing measured meets."""


class SearchInterruptedError(NasError):
    """A failure of the runner; finished trials are recorded, and the same command resumes the search."""


class ProgramError(NasError):
    """A mistake in the program or a plug-in of the user's: another attempt would come to the same."""
