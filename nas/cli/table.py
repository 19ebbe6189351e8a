"""Tables on standard output."""

from rich.console import Console
from rich.table import Table

WIDE = 200


def print_table(table: Table) -> None:
    """Fit `table` to the terminal; without one, as when piped, no line is folded or cut off."""
    _console().print(table)


def print_note(text: str) -> None:
    """A line under a table."""
    _console().print(text, highlight=False)


def _console() -> Console:
    # Names may be a user's own, with brackets and colons in them.
    console = Console(markup=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDE
    return console
