"""`nas dashboard`: the web application for a database, and the tokens that it accepts."""

from pathlib import Path

import click

from nas import plugins
from nas.cli import options
from nas.service.server import DEFAULT_TOKENS, USER_HEADER, ServerOptions
from nas.service.tokens import RIGHTS, add_token, read_tokens, remove_tokens


@click.group("dashboard", invoke_without_command=True)
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
    help="Folder for the logs of searches started here, and for the audit log.",
)
@click.option(
    "--tokens",
    type=options.file_path,
    metavar="FILE",
    help="Valid tokens, NAME:RIGHT:sha256:HEX in each line; read again when it changes.",
)
@click.option(
    "--trusted-proxy",
    "trusted_proxies",
    multiple=True,
    metavar="ADDRESS",
    help="Address or network of a proxy that signs people in, and is believed who they are; repeatable.",
)
@click.option(
    "--user-header",
    default=USER_HEADER,
    show_default=True,
    metavar="NAME",
    help="Header in which a trusted proxy names the person.",
)
@click.option(
    "--proxy-right",
    default="write",
    show_default=True,
    type=click.Choice(list(RIGHTS)),
    help="Right of a person whom a trusted proxy names, unless --tokens has NAME:RIGHT:proxy.",
)
@click.pass_context
def command(context: click.Context, /, storage: str, proxy_right: str, **values: object) -> None:
    """Serve studies, fronts, a REST API, Optuna's dashboard and Prometheus metrics until Ctrl-C.

    With a --host that other machines can reach, every request needs a token or a trusted proxy. NAS_API_TOKEN lists
    valid tokens, separated by spaces; `nas dashboard token new NAME` makes one for a person.
    """
    if context.invoked_subcommand is not None:
        return
    serve = plugins.load(plugins.SERVERS, "web")
    serve(storage, ServerOptions(proxy_right=RIGHTS[proxy_right], **values))  # type: ignore[arg-type]


@command.group("token")
def token() -> None:
    """Make, list and remove people's tokens. A server that runs goes by the file at once."""


tokens_file = click.option(
    "--tokens",
    default=DEFAULT_TOKENS,
    show_default=True,
    type=options.file_path,
    metavar="FILE",
    help="File of tokens.",
)


@token.command("new")
@click.argument("name")
@click.option(
    "--right",
    default="write",
    show_default=True,
    type=click.Choice(list(RIGHTS)),
    help="To read; to begin searches and change one's own; to change everybody's.",
)
@tokens_file
def new(name: str, right: str, tokens: Path) -> None:
    """Make a token for a person and print it, once: the file has only its SHA-256."""
    click.echo(add_token(tokens, name, right))


@token.command("list")
@tokens_file
def list_tokens(tokens: Path) -> None:
    """List who has tokens, and their rights."""
    for listed in read_tokens(tokens):
        click.echo(f"{listed.name} {listed.right.name.lower()}{' proxy' if listed.digest is None else ''}")


@token.command("remove")
@click.argument("name")
@tokens_file
def remove(name: str, tokens: Path) -> None:
    """Remove a person's tokens; sessions that began with them end at once."""
    click.echo(f"removed {remove_tokens(tokens, name)} of {name}")
