"""`nas status`: the searches that run."""

import json
import time

import click

from nas.cli import options
from nas.store.store import Store
from nas.study.status import Status, status
from nas.trial import TrialState


@click.command("status")
@options.storage
@click.option("--all", "every", is_flag=True, help="Studies too that no search runs on.")
@options.as_json
def command(storage: str, every: bool, as_json: bool) -> None:
    """Show every running search: its workers by node, trials per hour, failures by cause and the last error."""
    with Store.open(storage, create=False) as store:
        now = time.time()
        found = [status(store, record, now) for record in store.studies()]
    shown = [each for each in found if every or each.driver is not None]
    if as_json:
        click.echo(json.dumps([each.as_json() for each in shown]))
        return
    for each in shown:
        click.echo("\n".join(_lines(each)))
    if not shown:
        more = f"; studies on record: {len(found)} (--all)" if found else ""
        click.echo(f"no search is running on this database{more}")


def _lines(found: Status) -> list[str]:
    driver = found.driver
    by = "nobody drives it" if driver is None else f"driven by process {driver['pid']} on {driver['host']}"
    cut_off = " (cut off)" if driver is None else ""
    states = ", ".join(
        f"{count} {state.value}{cut_off if state is TrialState.RUNNING else ''}"
        for state, count in sorted(found.record.counts.items())
    )
    budget = "" if found.budget is None else f" of {found.budget}"
    left = "" if found.left_s is None else f", {found.left_s / 60:.0f} min left"
    if found.budget is not None and found.done >= found.budget:
        left = ", the front is being confirmed"
    lines = [
        f"study {found.record.name}: {by}",
        f"  trials: {found.done}{budget} done ({states or 'none yet'}); {found.trials_per_hour:.0f} per hour{left}",
    ]
    if found.workers:
        nodes = ", ".join(f"{node} ({count})" for node, count in sorted(found.workers.items()))
        lines.append(f"  workers: {sum(found.workers.values())} on {nodes}")
    elif driver is not None:
        lines.append("  workers: none yet")
    if found.failures:
        lines.append("  failures: " + ", ".join(f"{count} {cause}" for cause, count in sorted(found.failures.items())))
    if found.last_error is not None:
        lines.append(f"  last error: {found.last_error}")
    return lines
