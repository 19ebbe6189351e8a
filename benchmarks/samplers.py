"""Samplers on recorded results: the share of the best possible hypervolume over log latency, from two references."""

import argparse
import math
import statistics
from pathlib import Path

from benchmarks.report import print_header
from nas import plugins
from nas.pareto import non_dominated
from nas.simulation.replay import Replay, replays
from nas.simulation.table import Table, read_table

TABLES = sorted((Path(__file__).parent / "tables").glob("*.csv"))
BUDGET = 200
# Of the front's errors and latencies: from this quantile on a hard reference counts nothing.
HARD = 0.9


def hard_reference(table: Table) -> tuple[float, float]:
    """A point within the front, so that its ends count nothing."""
    points = [(1 - row.figures["accuracy"], math.log(row.figures["latency_ms"])) for row in table.rows]
    front = [points[index] for index in non_dominated(points)]
    error, log_ms = (sorted(column)[round(HARD * (len(front) - 1))] for column in zip(*front, strict=True))
    return error, math.exp(log_ms)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.samplers", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--samplers", default=",".join(plugins.names(plugins.SAMPLERS)))
    parser.add_argument("tables", nargs="*", type=Path, default=TABLES)
    asked = parser.parse_args()
    if not asked.tables:
        parser.error(
            "no table: name the files that `nas export --format table` wrote, or keep them in benchmarks/tables"
        )
    print_header(f"samplers on recorded results: budget {BUDGET}, {asked.seeds} seeds, no early stopping, log latency")
    for file in asked.tables:
        table = read_table(file)
        budget = min(BUDGET, len(table.rows) // 2)
        for kind, reference in (("the table's worst", None), ("hard", hard_reference(table))):
            print(f"\n{table.name}, {len(table.rows)} rows, budget {budget}, reference: {kind}")
            print("sampler   N/4: mean worst   N/2: mean worst   N: mean worst   ms a suggestion")
            setting = Replay(budget, reference=reference, log_latency=True, early_stopping=False)
            for name, found in replays(table, asked.samplers.split(","), asked.seeds, setting).items():
                shares = list(zip(*(each.shares for each in found), strict=True))
                words = "   ".join(f"{statistics.fmean(part):9.3f} {min(part):5.3f}" for part in shares)
                print(f"{name:8}  {words}   {statistics.fmean(each.suggest_ms for each in found):8.1f}", flush=True)


if __name__ == "__main__":
    main()
