"""`nas db`: the database itself: its schema, its soundness, its move to another one."""

import sys
import time

import click

from nas.cli import options
from nas.errors import UserError
from nas.store.schema import HEAD
from nas.store.store import Store
from nas.study.status import status


@click.group("db")
def command() -> None:
    """Bring a database's schema up to date, check it, copy its studies."""


@command.command("upgrade")
@options.storage
def upgrade(storage: str) -> None:
    """Bring the schema up to this program's; other commands do so by themselves when they open a database."""
    with Store.open(storage, create=False) as store:
        click.echo(f"database {store.name!r} has schema {HEAD}")


@command.command("check")
@options.storage
def check(storage: str) -> None:
    """Verify every invariant of a database's studies. Prints what is wrong, a line each, and exits with 1 then."""
    # Only this needs Optuna.
    from nas.store.check import check as problems_of

    found = problems_of(storage)
    for problem in found:
        click.echo(problem)
    click.echo(f"problems: {len(found)}" if found else "no problem found", err=bool(found))
    if found:
        sys.exit(1)


@command.command("copy")
@options.storage
@click.option("--to", "destination", required=True, metavar="URL", help="Database to copy to; a SQLite file is made.")
@click.option("--study", "studies", multiple=True, metavar="NAME", help="Study to copy; by default all of them.")
def copy(storage: str, destination: str, studies: tuple[str, ...]) -> None:
    """Copy studies to another database, SQLite or PostgreSQL, with all that was measured."""
    from nas.store.copying import copy as copy_studies

    with Store.open(storage, create=False) as store:
        for record in [store.study(name) for name in studies] or store.studies():
            driver = status(store, record, time.time()).driver
            if driver is not None:
                raise UserError(
                    f"study {record.name!r} is being searched, by process {driver['pid']} on {driver['host']}: "
                    "it can be copied when that has ended or was stopped"
                )
    for name in copy_studies(storage, destination, studies):
        click.echo(f"copied study {name}")
