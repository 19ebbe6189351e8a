"""`nas studies`: list a database's studies."""

import json
import time
from datetime import UTC, datetime

import click
from rich.table import Table

from nas.cli import options
from nas.cli.table import print_note, print_table
from nas.results.settings import ComparableSettings
from nas.store.store import Store
from nas.study.driver_lock import is_alive
from nas.trial import TrialState


@click.command("studies")
@options.storage
@options.as_json
def command(storage: str, as_json: bool) -> None:
    """List the studies in a database, the newest first."""
    with Store.open(storage, create=False) as store:
        records = store.studies()
        drivers = {record.study_id: store.driver(record.study_id) for record in records}
    if as_json:
        click.echo(
            json.dumps(
                [
                    {
                        "study": record.name,
                        "created_at": datetime.fromtimestamp(record.created_at, UTC).isoformat(),
                        "settings": dict(record.settings),
                        "sessions": record.recorded.get("sessions", []),
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
    for record, target in zip(records, targets, strict=True):
        driver = drivers[record.study_id]
        is_driven = driver is not None and is_alive(driver, time.time())
        cut_off = " (cut off)" if record.counts.get(TrialState.RUNNING) and not is_driven else ""
        table.add_row(
            record.name,
            record.settings.space,
            record.settings.dataset,
            record.settings.target,
            *(target for _ in further),
            *(f"{record.counts.get(state, 0)}{cut_off if state is TrialState.RUNNING else ''}" for state in TrialState),
            datetime.fromtimestamp(record.created_at, UTC).strftime("%Y-%m-%d %H:%M"),
        )
    print_table(table)
    if further:
        print_note("trained at: images x epochs of the target training, by which the study's front is judged")


def _target_training(settings: ComparableSettings) -> str:
    ladder = settings.ladder
    return "" if ladder is None else f"{ladder.target.images} x {ladder.target.epochs}"
