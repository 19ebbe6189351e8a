"""`nas status`: show running searches."""

import json
import time

import click

from nas.cli import options
from nas.store.store import Store
from nas.study.status import Status, status
from nas.trial import TrialState


@click.command("status")
@options.storage
@click.option("--all", "all_studies", is_flag=True, help="Show also studies without a running search.")
@options.as_json
def command(storage: str, all_studies: bool, as_json: bool) -> None:
    """Show each running search: its workers by node, trials per hour, failures by cause and the last error."""
    with Store.open(storage, create=False) as store:
        now = time.time()
        statuses = [status(store, record, now) for record in store.studies()]
    listed = [study_status for study_status in statuses if study_status.record.archived_at is None]
    shown = listed if all_studies else [study_status for study_status in statuses if study_status.driver is not None]
    if as_json:
        click.echo(json.dumps([study_status.as_json() for study_status in shown]))
        return
    for study_status in shown:
        click.echo("\n".join(_lines(study_status)))
    if not shown:
        recorded = f"; recorded studies: {len(listed)} (--all shows them)" if listed else ""
        click.echo(f"no search is running on this database{recorded}")


def _lines(status: Status) -> list[str]:
    driver = status.driver
    search = "no search is running" if driver is None else f"searched by process {driver['pid']} on {driver['host']}"
    cut_off = " (cut off)" if driver is None else ""
    states = ", ".join(
        f"{count} {state.value}{cut_off if state is TrialState.RUNNING else ''}"
        for state, count in sorted(status.record.counts.items())
    )
    budget = "" if status.budget is None else f" of {status.budget}"
    left = "" if status.left_s is None else f", {status.left_s / 60:.0f} min left"
    ladder = status.record.settings.ladder
    if status.budget is not None and status.done >= status.budget:
        left = ", the front is being confirmed" if ladder is None else ", promising ones are trained longer"
    lines = [
        f"study {status.record.name}: {search}",
        f"  trials: {status.done}{budget} done ({states or 'none yet'}); {status.trials_per_hour:.0f} per hour{left}",
    ]
    if ladder is not None:
        further = f"{status.record.confirmations} longer trainings so far"
        lines.append(f"  target training: {ladder.target}; {further}, {status.record.tests} networks tested")
    if status.workers:
        nodes = ", ".join(f"{node} ({count})" for node, count in sorted(status.workers.items()))
        lines.append(f"  workers: {sum(status.workers.values())} on {nodes}")
    elif driver is not None:
        lines.append("  workers: none yet")
    if status.failures:
        lines.append("  failures: " + ", ".join(f"{count} {cause}" for cause, count in sorted(status.failures.items())))
    if status.last_error is not None:
        lines.append(f"  last error: {status.last_error}")
    return lines
