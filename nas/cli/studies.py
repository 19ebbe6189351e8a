"""`nas studies`: what a database holds."""

import json
import time
from datetime import UTC, datetime

import click
from rich.table import Table

from nas.cli import options
from nas.cli.table import print_table
from nas.status import status
from nas.store.store import Store
from nas.trial import TrialState


@click.command("studies")
@options.storage
@options.as_json
def command(storage: str, as_json: bool) -> None:
    """List the studies in a database, the newest first."""
    with Store.open(storage, create=False) as store:
        found = [status(store, record, time.time()) for record in store.studies()]
    records = [each.record for each in found]
    if as_json:
        click.echo(
            json.dumps(
                [
                    {
                        "study": record.name,
                        "created_at": datetime.fromtimestamp(record.created_at, UTC).isoformat(),
                        "settings": dict(record.settings),
                        "trials": {state.value: record.counts.get(state, 0) for state in TrialState},
                    }
                    for record in records
                ]
            )
        )
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("study", overflow="fold")
    for heading in ("space", "data set", "target"):
        table.add_column(heading)
    for state in TrialState:
        table.add_column(state.value, justify="right")
    table.add_column("created (UTC)")
    for each in found:
        record = each.record
        cut_off = " (cut off)" if each.driver is None and each.running else ""
        table.add_row(
            record.name,
            *(str(record.settings[name]) for name in ("space", "dataset", "target")),
            *(f"{record.counts.get(state, 0)}{cut_off if state is TrialState.RUNNING else ''}" for state in TrialState),
            datetime.fromtimestamp(record.created_at, UTC).strftime("%Y-%m-%d %H:%M"),
        )
    print_table(table)
