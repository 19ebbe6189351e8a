"""`nas studies`: list a database's studies, and the commands that change them."""

import json
import time
from datetime import UTC, datetime

import click
from rich.table import Table

from nas.cli import options
from nas.cli.study_changes import COMMANDS
from nas.cli.table import print_note, print_table
from nas.results.settings import ComparableSettings
from nas.store.store import Store
from nas.study.driver_lock import is_alive
from nas.trial import TrialState


@click.group("studies", invoke_without_command=True, commands=list(COMMANDS))
@options.storage
@click.option("--archived", is_flag=True, help="List archived studies too.")
@options.as_json
@click.pass_context
def command(context: click.Context, storage: str, archived: bool, as_json: bool) -> None:
    """List the studies in a database, the newest first; or delete, archive, rename or annotate them."""
    if context.invoked_subcommand is not None:
        if any(options.is_given(name) for name in ("storage", "archived", "as_json")):
            raise click.UsageError(f"options belong after the command: nas studies {context.invoked_subcommand} ...")
        return
    with Store.open(storage, create=False) as store:
        records = [record for record in store.studies() if archived or record.archived_at is None]
        drivers = {record.study_id: store.driver(record.study_id) for record in records}
    if as_json:
        click.echo(
            json.dumps(
                [
                    {
                        "study": record.name,
                        "created_at": _date(record.created_at).isoformat(),
                        "settings": dict(record.settings),
                        "sessions": record.recorded.get("sessions", []),
                        "owner": record.owner,
                        "archived_at": None if record.archived_at is None else _date(record.archived_at).isoformat(),
                        "note": record.note,
                        "trials": {state.value: record.counts.get(state, 0) for state in TrialState},
                    }
                    for record in records
                ]
            )
        )
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("study", overflow="fold")
    targets = [_target_training(record.settings) for record in records]
    # Only where some study has one: the table is wide enough.
    further = ("trained at",) if any(targets) else ()
    for heading in ("space", "data set", "target", *further):
        table.add_column(heading)
    for state in TrialState:
        table.add_column(state.value, justify="right")
    table.add_column("created (UTC)")
    # Only where some study has one: the table is wide enough.
    has_notes = any(record.note for record in records)
    if has_notes:
        table.add_column("note", overflow="fold")
    for record, target in zip(records, targets, strict=True):
        driver = drivers[record.study_id]
        is_driven = driver is not None and is_alive(driver, time.time())
        cut_off = " (cut off)" if record.counts.get(TrialState.RUNNING) and not is_driven else ""
        table.add_row(
            f"{record.name}{' (archived)' if record.archived_at is not None else ''}",
            record.settings.space,
            record.settings.dataset,
            record.settings.target,
            *(target for _ in further),
            *(f"{record.counts.get(state, 0)}{cut_off if state is TrialState.RUNNING else ''}" for state in TrialState),
            _date(record.created_at).strftime("%Y-%m-%d %H:%M"),
            *((record.note,) if has_notes else ()),
        )
    print_table(table)
    if further:
        print_note("trained at: images x epochs of the target training, by which the study's front is judged")


def _target_training(settings: ComparableSettings) -> str:
    ladder = settings.ladder
    return "" if ladder is None else f"{ladder.target.images} x {ladder.target.epochs}"


def _date(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
