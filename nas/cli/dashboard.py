"""`nas dashboard`: the web application over a database."""

import click

from nas import plugins
from nas.cli import options


@click.command("dashboard")
@options.storage
@click.option("--host", default="127.0.0.1", show_default=True, metavar="HOST", help="Address to serve at.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65535), metavar="PORT", help="Port.")
def command(storage: str, host: str, port: int) -> None:
    """Serve studies, fronts, Optuna's dashboard and Prometheus metrics until Ctrl-C.

    At another address than this machine's own every request needs a token, one of the words of NAS_API_TOKEN.
    """
    serve = plugins.load(plugins.SERVERS, "web")
    click.echo(f"serving http://{host}:{port}/")
    serve(storage, host, port)
