"""Tables and notes on standard output."""

from rich.console import Console
from rich.table import Table

# Columns of the output without a terminal, so that no line is folded.
UNFOLDED_WIDTH = 200


def print_table(table: Table) -> None:
    """Print `table`, fitted to the terminal; without one, as in a pipe, no line is folded or truncated."""
    _console().print(table)


def print_note(text: str) -> None:
    """Print a line below a table."""
    _console().print(text, highlight=False)


def _console() -> Console:
    # Names may be a user's own, with brackets and colons in them.
    console = Console(markup=False, emoji=False)
    if not console.is_terminal:
        console.width = UNFOLDED_WIDTH
    return console
