"""`nas fidelity`: the worth of a study's short trainings, by rung of its ladder."""

import json
from collections.abc import Sequence

import click
from rich.table import Table

from nas.cli import options
from nas.cli.table import print_note, print_table
from nas.results.metric import metric_name
from nas.results.rung_report import RungReport, conclusion, study_reports
from nas.space.mixing import KINDS
from nas.store.store import Store


@click.command("fidelity")
@options.study
@options.storage
@options.as_json
def command(study: str | None, storage: str, as_json: bool) -> None:
    """Show how well short trainings rank the networks that a search has trained at its target.

    A row for each rung of the study's ladder: how many were trained there, the median seconds of a training, Kendall's
    tau of its accuracies with those at the target, and the mean gain from there to the target by the kind of mixer.
    """
    with Store.open(storage, create=False) as store:
        record = store.study(study)
        reports = study_reports(store.trials(record.study_id), record.settings)
    lines = conclusion(reports)
    if as_json:
        named = {"study": record.name, "metric": metric_name(record.settings), "conclusion": lines}
        click.echo(json.dumps({**named, "rungs": [report.as_json() for report in reports]}))
        return
    click.echo(f"study {record.name}: {lines[0]}")
    for line in lines[1:]:
        click.echo(line)
    if reports:
        print_table(_table(reports))
        print_note(
            f"tau: Kendall's, of the {record.settings.metric_label} there with that at the target, over the networks "
            "that have both, with a 90% interval; gain: its mean rise up to the target, by the kind of mixers"
        )


def _table(reports: Sequence[RungReport]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("images", "epochs", "trained", "seconds", "at target too", "tau", "90% interval"):
        table.add_column(heading, justify="right")
    for kind in KINDS:
        table.add_column(f"gain, {kind}", justify="right")
    for report in reports:
        low_high = "-" if report.interval is None else f"{report.interval[0]:.2f} to {report.interval[1]:.2f}"
        table.add_row(
            f"{report.fidelity.images:,}",
            str(report.fidelity.epochs),
            str(report.trained),
            "-" if report.train_s is None else f"{report.train_s:.3g}",
            str(report.compared),
            "-" if report.tau is None else f"{report.tau:.2f}",
            low_high,
            *(f"{report.gains[kind].mean:+.1%}" if kind in report.gains else "-" for kind in KINDS),
        )
    return table
