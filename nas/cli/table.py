"""Tables on standard output."""

from rich.console import Console
from rich.table import Table

WIDE = 200


def print_table(table: Table) -> None:
    """Fit `table` to the terminal; without one, as when piped, no line is folded or cut off."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    console.print(table)
