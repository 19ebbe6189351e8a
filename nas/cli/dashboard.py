"""`nas dashboard`: the web application for a database."""

from pathlib import Path

import click

from nas import plugins
from nas.cli import options


@click.command("dashboard")
@options.storage
@click.option("--host", default="127.0.0.1", show_default=True, metavar="HOST", help="Address to listen on.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(1, 65535), metavar="PORT", help="Port to listen on."
)
@click.option(
    "--root",
    "roots",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder from which searches started here may read data sets, spaces and configs; repeatable.",
)
@click.option(
    "--searches",
    default=Path("nas-searches"),
    show_default=True,
    type=options.file_path,
    metavar="DIR",
    help="Folder for the logs of searches started here.",
)
def command(storage: str, host: str, port: int, roots: tuple[Path, ...], searches: Path) -> None:
    """Serve studies, fronts, a REST API, Optuna's dashboard and Prometheus metrics until Ctrl-C.

    With a --host that other machines can reach, every request needs a token. NAS_API_TOKEN lists the valid tokens,
    separated by spaces.
    """
    serve = plugins.load(plugins.SERVERS, "web")
    serve(storage, host, port, searches, roots)
