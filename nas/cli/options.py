"""Options that several commands share."""

from pathlib import Path

import click

from nas.errors import ParameterError

DEFAULT_STORAGE = "sqlite:///nas.db"

storage = click.option(
    "--storage",
    default=DEFAULT_STORAGE,
    show_default=True,
    metavar="URL",
    help="Database: sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME.",
)
study = click.option("--study", metavar="NAME", help="Study to read; the newest by default.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, to standard output.")
max_latency = click.option(
    "--max-latency", "max_latency_ms", type=float, metavar="MS", help="Leave out what is slower than this."
)
file_path = click.Path(path_type=Path)


def check_max_latency(value: float | None) -> None:
    """Raises ParameterError for a limit that is not a positive number."""
    if value is not None and not 0 < value < float("inf"):
        raise ParameterError(f"--max-latency {value:g} is not a positive number of milliseconds")
