"""`nas simulate`: samplers compared on recorded results."""

import json
import statistics
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from nas import plugins
from nas.cli import options
from nas.cli.table import print_note, print_table
from nas.errors import ParameterError
from nas.objective import FEATURE
from nas.simulation.replay import ReplayOptions, ReplayResult, can_win, replay_samplers
from nas.simulation.shares import PARTS, hypervolume_shares
from nas.simulation.table import read_table


@click.command("simulate")
@click.option("--table", required=True, type=options.file_path, metavar="FILE.csv", help="Recorded results.")
@click.option("--budget", default=200, show_default=True, type=int, metavar="N", help="Trials of each search.")
@click.option("--seeds", default=5, show_default=True, type=int, metavar="K", help="Searches of each sampler.")
@click.option("--sampler", default="ehvi", show_default=True, metavar="A[,B,...]", help="Samplers to compare.")
@click.option("--workers", default=1, show_default=True, type=int, metavar="W", help="Simulated trials at a time.")
@click.option(
    "--reference",
    default="max",
    show_default=True,
    metavar="ERROR,LATENCY|max",
    help="What the hypervolume is measured from: the table's worst, or an error (0 to 1) and milliseconds.",
)
@click.option("--log-latency", is_flag=True, help="Measure the hypervolume over the logarithm of latency.")
@click.option("--max-latency", "max_latency_ms", type=float, metavar="MS", help="Nothing slower than this counts.")
@click.option("--no-early-stopping", is_flag=True, help="Train every trial to the end of its recorded curve.")
@click.option("--features", is_flag=True, help="Let samplers see the table's training-free features.")
@options.as_json
def command(
    table: Path,
    budget: int,
    seeds: int,
    sampler: str,
    workers: int,
    reference: str,
    log_latency: bool,
    max_latency_ms: float | None,
    no_early_stopping: bool,
    features: bool,
    as_json: bool,
) -> None:
    """Compare samplers by whole searches on a table of recorded results, without training anything.

    Samplers that look at it know every candidate's latency beforehand.
    """
    options.check_max_latency(max_latency_ms)
    for name, value in (("--budget", budget), ("--seeds", seeds), ("--workers", workers)):
        if value < 1:
            raise ParameterError(f"{name} {value} is below 1")
    names = sampler.split(",")
    valid = plugins.names(plugins.SAMPLERS)
    for each in names:
        if each not in valid:
            raise ParameterError(f"--sampler {sampler!r}: {each!r} is not one of {', '.join(valid)}")
        if names.count(each) > 1:
            raise ParameterError(f"--sampler {sampler!r} names {each!r} twice")
    asked = ReplayOptions(
        budget, workers, _reference(reference), log_latency, max_latency_ms, not no_early_stopping, features
    )
    read = read_table(table)
    if max_latency_ms is not None and all(row.figures["latency_ms"] > max_latency_ms for row in read.rows):
        raise ParameterError(f"--max-latency {max_latency_ms:g}: every row of {str(table)!r} is slower")
    if features and not read.rows[0].features:
        raise ParameterError(f"--features: {str(table)!r} has no column {FEATURE}NAME")
    winnable = can_win(read, asked)
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        searches = progress.add_task("searches", total=len(names) * seeds)
        found = replay_samplers(read, names, seeds, asked, lambda: progress.advance(searches))
    if as_json:
        of = {
            "table": read.name,
            "rows": len(read.rows),
            "objectives": read.objectives,
            "seeds": seeds,
            **asdict(asked),
        }
        click.echo(json.dumps({**of, "samplers": {name: _summed_up(each) for name, each in found.items()}}))
    else:
        judged = ", ".join(read.objectives)
        click.echo(
            f"{read.name}: {len(read.rows)} rows, budget {budget}, {seeds} seeds, {workers} workers; by {judged}"
        )
        _print(found)
        if budget >= len(read.rows):
            print_note(f"A search ends when all {len(read.rows)} rows are on record: the last shares say nothing.")
        if not winnable:
            print_note(
                "No row is better than the table's worst in every objective, so that every share is 1: --reference."
            )


def _summed_up(searches: list[ReplayResult]) -> dict[str, Any]:
    return {
        **{part: hypervolume_shares(searches, number)._asdict() for number, part in enumerate(PARTS)},
        "searches": [asdict(each) for each in searches],
    }


def _print(found: dict[str, list[ReplayResult]]) -> None:
    table = Table(
        "sampler", *(f"{part}: mean, worst, s.e." for part in PARTS), "repeats", "no row", "ms", "epochs", "simulated s"
    )
    for name, searches in found.items():
        table.add_row(
            name,
            *(str(hypervolume_shares(searches, part)) for part in range(len(PARTS))),
            f"{statistics.fmean(each.repeats for each in searches):.0f}",
            f"{statistics.fmean(each.absent for each in searches):.0f}",
            f"{statistics.fmean(each.suggest_ms for each in searches):.1f}",
            f"{statistics.fmean(each.epochs for each in searches):.0%}",
            f"{statistics.fmean(each.simulated_s for each in searches):.0f}",
        )
    print_table(table)
    print_note(
        "Shares of the best possible hypervolume after a quarter, half and all of N trials (--budget); worst: of the "
        "seeds. The rest are means over seeds. repeats: proposals of what was on record, no row: of what the table "
        "does not have; the nearest other row was tried. ms: a suggestion takes, at the end. epochs: trained, of those "
        "of all trials. simulated s: until all of that would have been trained."
    )


def _reference(text: str) -> tuple[float, float] | None:
    if text == "max":
        return None
    words = text.split(",")
    try:
        error, latency_ms = (float(word) for word in words)
    except ValueError:
        error = latency_ms = -1.0
    if not (0 < error <= 1 and 0 < latency_ms < float("inf")):
        raise ParameterError(
            f"--reference {text!r} is neither max nor ERROR,LATENCY, such as 0.3,5: an error above 0 and at most 1, "
            "milliseconds above 0"
        )
    return error, latency_ms
