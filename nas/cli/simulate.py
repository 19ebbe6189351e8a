"""`nas simulate`: compare samplers on recorded results."""

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from nas import plugins
from nas.cli import options
from nas.cli.declared_options import OptionsCommand, options_from, with_options
from nas.cli.sampler_list import parse_samplers
from nas.cli.table import print_note, print_table
from nas.errors import ParameterError
from nas.exports.output_file import check_folder_of, write_text
from nas.objective import ACCURACY, FEATURE_PREFIX
from nas.simulation.comparison import Comparison
from nas.simulation.hypervolume import HypervolumeScale
from nas.simulation.replay import ReplayResult, replay_samplers
from nas.simulation.replay_options import ReplayOptions
from nas.simulation.shares import PARTS, hypervolume_shares
from nas.simulation.table import read_table


@click.command("simulate", cls=OptionsCommand)
@click.option(
    "--table",
    required=True,
    type=options.file_path,
    metavar="FILE.csv",
    help="Table of recorded results, as `nas export --format table` writes.",
)
@click.option(
    "--seeds", default=5, show_default=True, type=int, metavar="K", help="Number of searches with each sampler."
)
@click.option(
    "--sampler",
    default="ehvi",
    show_default=True,
    metavar="A[,B,...]|all",
    help="Samplers to compare, separated by commas, or every one.",
)
@click.option(
    "--reference",
    default="max",
    show_default=True,
    metavar="ERROR,LATENCY|max",
    help="Reference point of the hypervolume: the table's worst figures, or an error (0 to 1) and milliseconds.",
)
@with_options(ReplayOptions)
@click.option(
    "--html",
    type=options.file_path,
    metavar="FILE",
    help="Write the shares over trials as a self-contained Plotly page: means, bands from the worst to the best seed.",
)
@options.as_json
def command(
    table: Path, seeds: int, sampler: str, reference: str, html: Path | None, as_json: bool, **parameters: Any
) -> None:
    """Compare samplers by simulated searches on a table of recorded results, without training anything.

    ehvi knows beforehand which rows the table has and their latencies, Optuna's samplers know neither. With
    --same-knowledge no sampler does.
    """
    replay_options = options_from(ReplayOptions, parameters, reference=_parse_reference(reference))
    replay_options.check()
    if seeds < 1:
        raise ParameterError(f"--seeds {seeds} is below 1")
    names = parse_samplers(sampler)
    if html is not None:
        check_folder_of("--html", html)
    recorded = read_table(table)
    max_latency_ms = replay_options.max_latency_ms
    if max_latency_ms is not None and all(row.figures["latency_ms"] > max_latency_ms for row in recorded.rows):
        raise ParameterError(f"--max-latency {max_latency_ms:g}: every row of {str(table)!r} is slower")
    least = replay_options.min_accuracy
    if least is not None and all(row.figures[ACCURACY.name] < least for row in recorded.rows):
        raise ParameterError(f"--min-accuracy {least:g}: every row of {str(table)!r} is less accurate")
    if replay_options.features and not recorded.rows[0].features:
        raise ParameterError(f"--features: {str(table)!r} has no column {FEATURE_PREFIX}NAME")
    scale = HypervolumeScale(recorded, replay_options)
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        searches = progress.add_task("searches", total=len(names) * seeds)
        results = replay_samplers(recorded, names, seeds, replay_options, lambda: progress.advance(searches))
    comparison = Comparison(
        recorded.name, len(recorded.rows), recorded.objectives, seeds, replay_options, scale.reference, results
    )
    if html is not None:
        write_text("--html", html, plugins.load(plugins.PAGES, "shares")(comparison))
    if as_json:
        click.echo(json.dumps(_as_json(comparison)))
        return
    _print(comparison)
    if replay_options.budget >= len(recorded.rows):
        print_note(
            f"A search ends when it has tried all {len(recorded.rows)} rows: the last shares are not informative."
        )
    if not scale.best > 0:
        print_note(
            "No row is better than the table's worst in every objective, so every share is 1: give a --reference."
        )
    if html is not None:
        click.echo(f"wrote {html}")


def _as_json(comparison: Comparison) -> dict[str, Any]:
    return {
        "table": comparison.table,
        "rows": comparison.row_count,
        "objectives": comparison.objectives,
        "seeds": comparison.seeds,
        **asdict(comparison.options),
        "samplers": {name: _summarise(searches) for name, searches in comparison.searches.items()},
    }


def _summarise(searches: Sequence[ReplayResult]) -> dict[str, Any]:
    return {
        **{part: hypervolume_shares(searches, number)._asdict() for number, part in enumerate(PARTS)},
        "searches": [asdict(search) for search in searches],
    }


def _print(comparison: Comparison) -> None:
    replay_options = comparison.options
    error, latency_ms = comparison.reference
    click.echo(
        f"{comparison.table}: {comparison.row_count} rows, budget {replay_options.budget}, {comparison.seeds} seeds, "
        f"{replay_options.workers} workers; objectives {', '.join(comparison.objectives)}; "
        f"reference error {error:.4g}, {latency_ms:.4g} ms"
    )
    table = Table(
        "sampler",
        *(f"{part}: mean, worst, s.e." for part in PARTS),
        "duplicates",
        "not in table",
        "ms",
        "epochs",
        "simulated s",
    )
    for name, searches in comparison.searches.items():
        table.add_row(
            name,
            *(str(hypervolume_shares(searches, part)) for part in range(len(PARTS))),
            f"{statistics.fmean(search.repeats for search in searches):.0f}",
            f"{statistics.fmean(search.absent for search in searches):.0f}",
            f"{statistics.fmean(search.suggest_ms for search in searches):.1f}",
            f"{statistics.fmean(search.epochs for search in searches):.0%}",
            f"{statistics.fmean(search.simulated_s for search in searches):.0f}",
        )
    print_table(table)
    print_note(
        "Shares of the best possible hypervolume after a quarter, half and all of N trials (--budget): mean, worst "
        "seed, standard error. The rest are means over seeds. duplicates: proposals that were tried before; not in "
        "table: proposals that match no row; for both the nearest other row was tried. ms: duration of a proposal at "
        "the end. epochs: share of the trials' epochs that was trained. simulated s: simulated duration of the search."
    )


def _parse_reference(text: str) -> tuple[float, float] | None:
    """Parse `max` (None) or `ERROR,LATENCY`. Raises ParameterError."""
    if text == "max":
        return None
    numbers = text.split(",")
    try:
        error, latency_ms = (float(number) for number in numbers)
    except ValueError:
        error = latency_ms = -1.0
    if not (0 < error <= 1 and 0 < latency_ms < float("inf")):
        raise ParameterError(
            f"--reference {text!r} is neither max nor ERROR,LATENCY, such as 0.3,5: an error above 0 and at most 1, "
            "milliseconds above 0"
        )
    return error, latency_ms
