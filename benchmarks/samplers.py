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
from nas.simulation.replay import ReplayOptions, replay_samplers
from nas.simulation.shares import PARTS, hypervolume_shares
from nas.simulation.table import Table, read_table

TABLES = [Path(__file__).parent / "tables" / f"{name}_hybrid.csv" for name in ("fashion", "fashion_14px", "digits")]
BUDGET = 200
# Of the front's errors and latencies: from this quantile on a hard reference counts nothing.
HARD = 0.9
# Such shares of the rows are within the latency limit, in searches of so many trials.
LIMITS = (0.05, 0.2, 0.5)
WITHIN_LIMITS = 60


def hard_reference(table: Table) -> tuple[float, float]:
    """A point within the front, so that its ends count nothing."""
    points = [(1 - row.figures["accuracy"], math.log(row.figures["latency_ms"])) for row in table.rows]
    front = [points[index] for index in non_dominated(points)]
    error, log_ms = (sorted(column)[round(HARD * (len(front) - 1))] for column in zip(*front, strict=True))
    return error, math.exp(log_ms)


def evaluations_for(course: Sequence[float], share: float) -> float:
    """How many trials it took to have that share, infinite where all did not do."""
    return next((1.0 + index for index, found in enumerate(course) if found >= share), math.inf)


def print_samplers(table: Table, names: Sequence[str], seeds: int, setting: ReplayOptions) -> None:
    """Each sampler's shares, and the trials it took for the mean share that NSGA-II ended with."""
    parts = "".join(f"   {f'{part}: mean worst s.e.':>21}" for part in PARTS)
    print(f"sampler {parts}   repeats   no row   for NSGA-II's   ms each")
    found = replay_samplers(table, names, seeds, setting)
    to_beat = hypervolume_shares(found["nsga2"], -1).mean if "nsga2" in found else math.nan
    for name, searches in found.items():
        words = "".join(f"   {hypervolume_shares(searches, number)!s:>21}" for number in range(len(PARTS)))
        took = statistics.median(evaluations_for(each.course, to_beat) for each in searches)
        repeats = statistics.fmean(each.repeats for each in searches)
        absent = statistics.fmean(each.absent for each in searches)
        ms = statistics.fmean(each.suggest_ms for each in searches)
        print(f"{name:8}{words}   {repeats:7.0f}   {absent:6.0f}   {took:13.0f}   {ms:8.1f}", flush=True)


def print_ours(table: Table, seeds: int, setting: ReplayOptions) -> None:
    """Our sampler by itself: with eight workers, with features, and stopping early where there are curves."""
    variants = {"8 workers": replace(setting, workers=8)}
    if table.rows[0].features:
        variants["with features"] = replace(setting, features=True)
    if table.rows[0].curve:
        variants["early stopping"] = replace(setting, early_stopping=True)
    (alone,) = replay_samplers(table, ["ehvi"], seeds, setting).values()
    base = hypervolume_shares(alone, -1).mean
    for name, variant in variants.items():
        (found,) = replay_samplers(table, ["ehvi"], seeds, variant).values()
        share = hypervolume_shares(found, -1).mean
        epochs = statistics.fmean(each.epochs for each in found)
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
        for part in LIMITS:
            limit_ms = latencies_ms[round(part * len(latencies_ms))]
            print(f"\n{table.name}, budget {WITHIN_LIMITS}, latency limit {limit_ms:g} ms, which {part:.0%} meet")
            setting = ReplayOptions(WITHIN_LIMITS, log_latency=True, max_latency_ms=limit_ms, early_stopping=False)
            print_samplers(table, arguments.samplers.split(","), arguments.seeds, setting)


if __name__ == "__main__":
    main()
