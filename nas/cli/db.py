"""`nas db`: upgrade a database's schema, check its integrity, copy its studies."""

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
    """Upgrade a database's schema, check its integrity, copy its studies."""


@command.command("upgrade")
@options.storage
def upgrade(storage: str) -> None:
    """Upgrade the schema to this program's version.

    Every command does so when it opens a database.
    """
    with Store.open(storage, create=False) as store:
        click.echo(f"database {store.name!r} has schema {HEAD}")


@command.command("check")
@options.storage
def check(storage: str) -> None:
    """Check the integrity of a database's studies. Prints a line for each problem and exits with 1 if there are any."""
    # Imported here: no other command of this module needs Optuna.
    from nas.store.check import check as check_integrity

    problems = check_integrity(storage)
    for problem in problems:
        click.echo(problem)
    click.echo(f"problems: {len(problems)}" if problems else "no problem found", err=bool(problems))
    if problems:
        sys.exit(1)


@command.command("copy")
@options.storage
@click.option(
    "--to", "destination", required=True, metavar="URL", help="Database to copy to; a SQLite file is created if needed."
)
@click.option(
    "--study", "studies", multiple=True, metavar="NAME", help="Study to copy; repeatable. By default all studies."
)
def copy(storage: str, destination: str, studies: tuple[str, ...]) -> None:
    """Copy studies to another database.

    Databases may be SQLite or PostgreSQL. All measurements are copied with the studies.
    """
    from nas.store.copying import copy as copy_studies

    with Store.open(storage, create=False) as store:
        for record in [store.study(name) for name in studies] or store.studies():
            driver = status(store, record, time.time()).driver
            if driver is not None:
                raise UserError(
                    f"study {record.name!r} is being searched, by process {driver['pid']} on {driver['host']}: "
                    "stop that search or wait for its end, then copy"
                )
    for name in copy_studies(storage, destination, studies):
        click.echo(f"copied study {name}")
