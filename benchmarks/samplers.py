"""Samplers on recorded results: the share of the best possible hypervolume over log latency, from two references, and
with a latency limit that a twentieth, a fifth and half of the rows meet.
"""

import argparse
import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.report import print_header
from nas import plugins
from nas.results.pareto import non_dominated
from nas.simulation.replay import replay_samplers
from nas.simulation.replay_options import ReplayOptions
from nas.simulation.shares import PARTS, hypervolume_shares
from nas.simulation.table import Table, read_table

TABLES = [Path(__file__).parent / "tables" / f"{name}_hybrid.csv" for name in ("fashion", "fashion_14px", "digits")]
BUDGET = 200
# Quantile of the front's errors and latencies from which on a hard reference counts nothing.
HARD_QUANTILE = 0.9
# Shares of the rows that are within a latency limit, and the trials of a search under one.
SHARES_WITHIN_LIMIT = (0.05, 0.2, 0.5)
LIMIT_BUDGET = 60


def hard_reference(table: Table) -> tuple[float, float]:
    """Return a point within the front, so that its ends count nothing."""
    points = [(1 - row.figures["accuracy"], math.log(row.figures["latency_ms"])) for row in table.rows]
    front = [points[index] for index in non_dominated(points)]
    error, log_ms = (sorted(column)[round(HARD_QUANTILE * (len(front) - 1))] for column in zip(*front, strict=True))
    return error, math.exp(log_ms)


def evaluations_for(shares: Sequence[float], share: float) -> float:
    """Return the number of trials until a search had that share, infinite where it never did."""
    return next((1.0 + index for index, reached in enumerate(shares) if reached >= share), math.inf)


def print_samplers(table: Table, names: Sequence[str], seeds: int, setting: ReplayOptions) -> None:
    """Print each sampler's shares, and the trials it needed for the mean share that NSGA-II ended with."""
    parts = "".join(f"   {f'{part}: mean worst s.e.':>21}" for part in PARTS)
    print(f"sampler {parts}   repeats   no row   for NSGA-II's   ms each")
    results = replay_samplers(table, names, seeds, setting)
    to_beat = hypervolume_shares(results["nsga2"], -1).mean if "nsga2" in results else math.nan
    for name, searches in results.items():
        shares = "".join(f"   {hypervolume_shares(searches, number)!s:>21}" for number in range(len(PARTS)))
        needed = statistics.median(evaluations_for(search.course, to_beat) for search in searches)
        repeats = statistics.fmean(search.repeats for search in searches)
        absent = statistics.fmean(search.absent for search in searches)
        ms = statistics.fmean(search.suggest_ms for search in searches)
        print(f"{name:8}{shares}   {repeats:7.0f}   {absent:6.0f}   {needed:13.0f}   {ms:8.1f}", flush=True)


def print_ours(table: Table, seeds: int, setting: ReplayOptions) -> None:
    """Print our sampler's shares: with eight workers, with features, and with early stopping where there are curves."""
    variants = {"8 workers": replace(setting, workers=8)}
    if table.rows[0].features:
        variants["with features"] = replace(setting, features=True)
    if table.rows[0].curve:
        variants["early stopping"] = replace(setting, early_stopping=True)
    (alone,) = replay_samplers(table, ["ehvi"], seeds, setting).values()
    base = hypervolume_shares(alone, -1).mean
    for name, variant in variants.items():
        (searches,) = replay_samplers(table, ["ehvi"], seeds, variant).values()
        share = hypervolume_shares(searches, -1).mean
        epochs = statistics.fmean(search.epochs for search in searches)
        print(
            f"ehvi, {name}: {share:.3f}, {share / base:.1%} of alone ({base:.3f}); {epochs:.0%} of the epochs",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.samplers", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--samplers", default=",".join(plugins.names(plugins.SAMPLERS)))
    parser.add_argument("tables", nargs="*", type=Path, default=TABLES)
    arguments = parser.parse_args()
    print_header(f"samplers on recorded results: budget {BUDGET}, {arguments.seeds} seeds, log latency")
    for file in arguments.tables:
        table = read_table(file)
        budget = min(BUDGET, len(table.rows) // 2)
        for kind, reference in (("the table's worst", None), ("hard", hard_reference(table))):
            print(f"\n{table.name}, {len(table.rows)} rows, budget {budget}, reference: {kind}")
            setting = ReplayOptions(budget, reference=reference, log_latency=True, early_stopping=False)
            print_samplers(table, arguments.samplers.split(","), arguments.seeds, setting)
            print_ours(table, arguments.seeds, setting)
        latencies_ms = sorted(row.figures["latency_ms"] for row in table.rows)
        for part in SHARES_WITHIN_LIMIT:
            limit_ms = latencies_ms[round(part * len(latencies_ms))]
            print(f"\n{table.name}, budget {LIMIT_BUDGET}, latency limit {limit_ms:g} ms, which {part:.0%} meet")
            setting = ReplayOptions(LIMIT_BUDGET, log_latency=True, max_latency_ms=limit_ms, early_stopping=False)
            print_samplers(table, arguments.samplers.split(","), arguments.seeds, setting)


if __name__ == "__main__":
    main()
