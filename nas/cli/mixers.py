"""`nas mixers`: token mixers compared on this machine, or put to their contract."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table

from nas import plugins
from nas.builder import Builder
from nas.cli import options
from nas.cli.table import print_table
from nas.errors import ParameterError
from nas.exports.output_file import write_text
from nas.latency.mixer_benchmark import MixerReport, compare

# Factors of the grid's side: a quarter of --grid's tokens, all, four and sixteen times as many.
SIDE_FACTORS = (0.5, 1, 2, 4)


@click.command("mixers")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--width", default=64, show_default=True, type=click.IntRange(1), metavar="N", help="Number of channels.")
@click.option(
    "--grid", default=14, show_default=True, type=click.IntRange(2, 64), metavar="N", help="Side of the token grid."
)
@click.option(
    "--target",
    default="cpu",
    show_default=True,
    metavar="NAME[:option=value,...]",
    help="Latency target of this machine (`nas targets` lists them).",
)
@click.option(
    "--html",
    type=options.file_path,
    metavar="FILE",
    help="Write latency against tokens as a self-contained Plotly page.",
)
@click.option("--check", is_flag=True, help="Put the mixers to every check of their contract instead.")
@options.as_json
def command(
    names: tuple[str, ...], width: int, grid: int, target: str, html: Path | None, check: bool, as_json: bool
) -> None:
    """Compare token mixers (all of them by default): parameters, MACs, and latency at four token counts.

    The last column is the growth of the latency when the tokens grow fourfold: x4 is linear, x16 quadratic.

    --check measures nothing: it runs the contract suite, on other packages' mixers too, and exits with 1 if one fails.
    """
    if check:
        sys.exit(0 if _check(names or plugins.names(plugins.MIXERS), as_json) else 1)
    if "@" in target or "size=" in target:
        raise ParameterError(f"--target {target!r}: mixers are compared on this machine only, at the size of --grid")
    sides = [max(1, round(grid * factor)) for factor in SIDE_FACTORS]
    reports = list(compare(names or plugins.names(plugins.MIXERS), width, sides, target))
    if html is not None:
        write_text("--html", html, plugins.load(plugins.PAGES, "mixers")(reports, width, target))
    if as_json:
        click.echo(json.dumps([_as_json(report) for report in reports]))
        return
    table = Table("mixer", "mixing", "stated cost", "bound by", box=None, pad_edge=False)
    for heading in ("parameters", "frozen", "MACs", *(f"{side * side} tokens, ms" for side in sides), "growth"):
        table.add_column(heading, justify="right")
    for report in reports:
        medians = [latency.median for latency in report.latencies]
        cost = report.costs[1]
        table.add_row(
            report.mixer,
            report.mixing or "not stated",
            report.stated_cost,
            report.bound_by,
            f"{cost.parameters:,}",
            f"{cost.frozen:,}",
            f"{cost.macs:,}",
            *(f"{median:.3f}" for median in medians),
            f"x{medians[-1] / medians[-2]:.1f}",
        )
    click.echo(f"width {width} on {target}; parameters and MACs at {sides[1]}x{sides[1]} tokens")
    print_table(table)
    if html is not None:
        click.echo(f"wrote {html}")


def _check(names: Sequence[str], as_json: bool) -> bool:
    """Print the result of every check of each mixer. Return whether all pass."""
    for name in names:
        plugins.check(plugins.MIXERS, name)
    builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    rows = []
    for name in names:
        checks = list(builder.check_contract(name))
        rows += [{"mixer": name, "check": check.name, "violation": check.violation} for check in checks]
        if as_json:
            continue
        violated = [check for check in checks if check.violation is not None]
        click.echo(f"{name}: {len(checks) - len(violated)} of {len(checks)} checks pass")
        for check in violated:
            click.echo(f"  fails: {check.name}: {check.violation}")
    if as_json:
        click.echo(json.dumps(rows))
    return all(row["violation"] is None for row in rows)


def _as_json(report: MixerReport) -> dict[str, object]:
    return {
        "mixer": report.mixer,
        "mixing": report.mixing,
        "cost": report.stated_cost,
        "leans_on": report.bound_by,
        "tied": report.is_tied,
        "grids": [
            {
                "tokens": side * side,
                "parameters": cost.parameters,
                "frozen": cost.frozen,
                "macs": cost.macs,
                "latency_ms": latency.median,
                "latency_iqr_ms": latency.iqr,
            }
            for side, cost, latency in zip(report.sides, report.costs, report.latencies, strict=True)
        ],
    }
