"""Samplers on recorded results: the share of the best possible hypervolume from three references a table: the table's
worst with linear and log latency, and a hard one with log latency, the error at the 60% quantile of the accuracies.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.kept import Kept
from benchmarks.report import print_header
from benchmarks.samplers import opponents
from benchmarks.samplers.ranking import lines, verdict
from benchmarks.samplers.references import references
from benchmarks.samplers.searches import Searches
from benchmarks.samplers.variants import print_limits, print_ours
from nas.simulation.replay_options import ReplayOptions
from nas.simulation.table import read_table

ROOT = Path(__file__).resolve().parents[2]
DENSE_TABLES = [ROOT.parent / "shared/data/tables" / f"dense_{name}.csv" for name in "abc"]
OWN_TABLES = [ROOT / "benchmarks/tables" / f"{name}_hybrid.csv" for name in ("fashion", "fashion_14px", "digits")]
BUDGET = 200


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.samplers", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="seeds 0 to K - 1")
    parser.add_argument("--budget", type=int, default=BUDGET, help="trials; at most half of a table's rows are tried")
    parser.add_argument("--samplers", default=",".join(opponents.names()), help="names separated by commas")
    parser.add_argument("--keep", type=Path, help="folder of finished searches, so that the benchmark can go on")
    parser.add_argument("--same-knowledge", action="store_true", help="no sampler knows latencies or rows beforehand")
    parser.add_argument("--early-stopping", action="store_true", help="stop trials early where a table has curves")
    parser.add_argument("--variants", action="store_true", help="also 8 workers, features and latency limits")
    parser.add_argument("tables", nargs="*", type=Path, help="default: the dense tables and those of benchmarks/tables")
    return parser.parse_args()


def compare(searches: Searches, names: Sequence[str], options: ReplayOptions) -> list[str]:
    """Print the samplers' shares from each reference; return the verdicts."""
    table = searches.table
    verdicts = []
    for reference in references(table):
        measured = reference.of(options)
        results = {name: searches.run(name, measured) for name in names}
        point = "" if reference.point is None else f" (error {reference.point[0]:.4g}, {reference.point[1]:.4g} ms)"
        print(f"\n{table.name}, {len(table.rows)} rows, budget {options.budget}, reference: {reference.name}{point}")
        print("\n".join(lines(results)), flush=True)
        if opponents.OURS in names:
            verdicts.append(f"{table.name}, {reference.name}: {verdict(results)}")
    return verdicts


def main() -> None:
    chosen = arguments()
    names = chosen.samplers.split(",")
    knowledge = "the same knowledge" if chosen.same_knowledge else "latencies and rows known to ehvi alone"
    stopping = "early stopping" if chosen.early_stopping else "no early stopping"
    print_header(f"samplers on recorded results: seeds 0 to {chosen.seeds - 1}, {knowledge}, {stopping}")
    kept = Kept(chosen.keep / "searches.jsonl") if chosen.keep else None
    verdicts = []
    for file in chosen.tables or [*DENSE_TABLES, *OWN_TABLES]:
        if file in DENSE_TABLES and not file.exists():
            print(f"\n{file.stem}: skipped, since {file} does not exist")
            continue
        table = read_table(file)
        searches = Searches(table, chosen.seeds, kept)
        options = ReplayOptions(
            min(chosen.budget, len(table.rows) // 2),
            early_stopping=chosen.early_stopping,
            same_knowledge=chosen.same_knowledge,
        )
        verdicts += compare(searches, names, options)
        if chosen.variants:
            print_ours(searches, references(table)[-1].of(options))
            print_limits(searches, names, options)
    print("\n" + "\n".join(verdicts))


if __name__ == "__main__":
    main()
