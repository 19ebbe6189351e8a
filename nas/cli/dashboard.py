"""`nas dashboard`: the web application over a database."""

from pathlib import Path

import click

from nas import plugins
from nas.cli import options


@click.command("dashboard")
@options.storage
@click.option("--host", default="127.0.0.1", show_default=True, metavar="HOST", help="Address to serve at.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65535), metavar="PORT", help="Port.")
@click.option(
    "--root",
    "roots",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder whose data sets, spaces and configs searches started here may read; given once for each.",
)
@click.option(
    "--searches",
    default=Path("nas-searches"),
    show_default=True,
    type=options.file_path,
    metavar="DIR",
    help="Where searches started here leave their logs.",
)
def command(storage: str, host: str, port: int, roots: tuple[Path, ...], searches: Path) -> None:
    """Serve studies, fronts, a REST API, Optuna's dashboard and Prometheus metrics until Ctrl-C.

    At another address than this machine's own every request needs a token, one of the words of NAS_API_TOKEN.
    """
    serve = plugins.load(plugins.SERVERS, "web")
    serve(storage, host, port, searches, roots)
