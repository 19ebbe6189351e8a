"""`nas db`: upgrade, check, back up, restore, prune and vacuum a database, copy its studies."""

import sys
import time
from pathlib import Path

import click

from nas.cli import options
from nas.cli.option_types import Duration, file_path
from nas.errors import ParameterError
from nas.latency.byte_size import bytes_text
from nas.store.schema import HEAD
from nas.store.store import Store


@click.group("db")
def command() -> None:
    """Upgrade, check, back up, restore, prune and vacuum a database; copy its studies."""


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

    Databases may be SQLite or PostgreSQL. All measurements are copied with the studies. A study may be searched
    meanwhile: its copy is as it was at one moment, and a search there goes on from it.
    """
    from nas.store.copying import copy as copy_studies

    for name in copy_studies(storage, destination, studies):
        click.echo(f"copied study {name}")


@command.command("backup")
@click.argument("file", type=file_path)
@options.storage
def backup(file: Path, storage: str) -> None:
    """Write the database as it is now to a new FILE, also while searches run.

    Of SQLite the backup is a database file itself; PostgreSQL needs its program pg_dump here.
    """
    from nas.store.backup import backup as write_backup

    click.echo(f"wrote {file} ({bytes_text(write_backup(storage, file))})")


@command.command("restore")
@click.argument("file", type=file_path)
@options.storage
@click.option("--replace", is_flag=True, help="Replace the studies that are in the database.")
def restore(file: Path, storage: str, replace: bool) -> None:
    """Restore a database from a FILE of `nas db backup`: a new one, or in the place of another one's content.

    Nothing may be searched on it meanwhile; on other databases searches go on. PostgreSQL needs its program pg_restore
    here.
    """
    from nas.store.backup import check_backup
    from nas.store.backup import restore as restore_backup
    from nas.study.curation import check_undriven

    check_backup(storage, file)
    with Store.open(storage, create=True) as store:
        check_undriven(store, "stop it before its database is replaced")
        count = len(store.studies())
        if count and not replace:
            raise ParameterError(f"database {store.name!r} has studies ({count}): --replace replaces them")
    names = restore_backup(storage, file)
    click.echo(f"restored from {file}: studies {len(names)}")


@command.command("prune")
@options.storage
@click.option(
    "--older-than",
    "age_s",
    required=True,
    type=Duration(),
    metavar="TIME",
    help="Remove what is older, such as 90d or 12h.",
)
@click.option("--archived", is_flag=True, help="Remove also studies that were archived longer ago.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
def prune(storage: str, age_s: float, archived: bool, dry_run: bool) -> None:
    """Remove old supernets, weights and baselines that no study uses, measurements of no trial, audit entries.

    The reference network's measurements stay, as they are the scale of all others. `nas db vacuum` then gives the room
    back to the file system.
    """
    from nas.study.cleanup import prune as prune_store

    with Store.open(storage, create=False) as store:
        pruned = prune_store(store, storage, time.time() - age_s, archived=archived, dry_run=dry_run)
    rows = "".join(f", {kind} {count}" for kind, count in pruned.rows.items())
    click.echo(
        f"{'would remove' if dry_run else 'removed'}: studies {len(pruned.studies)}, artifacts {pruned.artifacts} "
        f"({bytes_text(pruned.size_bytes)}){rows}"
    )


@command.command("vacuum")
@options.storage
def vacuum(storage: str) -> None:
    """Give the room of what was deleted back, also while searches run.

    A SQLite file needs as much free space meanwhile, and searches wait to write.
    """
    from nas.store.backup import vacuum as vacuum_database

    before, after = vacuum_database(storage)
    click.echo(f"database size: {bytes_text(before)} before, {bytes_text(after)} after")
