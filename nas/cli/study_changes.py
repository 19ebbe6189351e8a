"""`nas studies delete`, `archive`, `rename` and `note`."""

import time

import click

from nas.cli import options
from nas.latency.byte_size import bytes_text
from nas.store.store import Store

names = click.argument("names", metavar="NAME...", nargs=-1, required=True)


@click.command("delete")
@names
@options.storage
def delete(names: tuple[str, ...], storage: str) -> None:
    """Delete studies with their trials, and the artifacts that no other study uses.

    Artifacts are weights of networks, supernets and baselines. Latency measurements stay: they belong to networks.
    """
    # Imported here: Optuna takes a while.
    from nas.study import curation

    with Store.open(storage, create=False) as store:
        for record in [store.study(name) for name in dict.fromkeys(names)]:
            deleted = curation.delete(store, storage, record)
            trials = sum(record.counts.values())
            click.echo(
                f"deleted study {record.name}: trials {trials}, artifacts {deleted.artifacts} "
                f"({bytes_text(deleted.size_bytes)})"
            )


@click.command("archive")
@names
@options.storage
@click.option("--undo", is_flag=True, help="Bring archived studies back.")
def archive(names: tuple[str, ...], storage: str, undo: bool) -> None:
    """Archive studies: lists and pages leave them out, and everything works that names them.

    A search that goes on with an archived study brings it back.
    """
    from nas.study import curation

    with Store.open(storage, create=False) as store:
        for record in [store.study(name) for name in dict.fromkeys(names)]:
            curation.archive(store, record, None if undo else time.time())
            click.echo(f"{'brought back' if undo else 'archived'} study {record.name}")


@click.command("rename")
@click.argument("name")
@click.argument("new_name")
@options.storage
def rename(name: str, new_name: str, storage: str) -> None:
    """Rename a study. A search goes on with it by `--study NEW_NAME`."""
    from nas.study import curation

    with Store.open(storage, create=False) as store:
        curation.rename(store, store.study(name), new_name)
    click.echo(f"renamed study {name} to {new_name}")


@click.command("note")
@click.argument("name")
@click.argument("text", required=False)
@options.storage
def note(name: str, text: str | None, storage: str) -> None:
    """Put a note on a study, in the place of the one before; without TEXT print it. An empty TEXT removes it."""
    with Store.open(storage, create=False) as store:
        record = store.study(name)
        if text is None:
            click.echo(record.note)
            return
        store.put_note(record.study_id, text.strip())
    click.echo(f"{'noted on' if text.strip() else 'removed the note on'} study {name}")


COMMANDS = (delete, archive, rename, note)
