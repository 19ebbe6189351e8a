"""What can go wrong, named. The command line turns a NasError into one line and its exit code."""

from collections.abc import Callable, Iterable, Sequence
from string import Formatter


class NasError(Exception):
    """Base of every error that is reported to the user in one line, without a traceback."""

    exit_code = 1


class UserError(NasError):
    """The request cannot be served as it stands: the message names the parameter, the value and what is valid."""

    exit_code = 2


class UnknownNameError(UserError):
    """A name that no plug-in, study or choice answers to."""

    def __init__(self, what: str, name: str, valid: Iterable[str]) -> None:
        choices = ", ".join(sorted(valid)) or "none"
        super().__init__(f"unknown {what} {name!r}; valid: {choices}")


class ParameterError(UserError):
    """A parameter whose value is out of range or of the wrong form."""


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
    """What was asked for does not fit in memory. Evaluators record it; the command line says it."""


class SpaceFileError(UserError):
    """A file that declares no search space; `mistakes` has a line for each, with its place in the file."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = list(mistakes)
        more = len(self.mistakes) - 1
        super().__init__(self.mistakes[0] + (f" (and {more} more: `nas spaces validate` lists them)" if more else ""))


class DataError(UserError):
    """A data set that is missing, unreadable or of no use for training."""


class StorageError(UserError):
    """A database that cannot be reached, read or written."""


class ExportError(UserError):
    """A network that the wanted format cannot hold, or whose export does not compute what the network does."""


class InfeasibleError(UserError):
    """Nothing that was measured meets the user's constraints."""


class LimitError(NamedOptionsError, InfeasibleError):
    """A limit among the options that nothing measured meets."""


class SearchInterruptedError(NasError):
    """The runner broke down; what was finished is on record and the same command goes on."""
