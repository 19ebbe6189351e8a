"""Our sampler with eight workers, features and early stopping, and all samplers with a latency limit."""

import statistics
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.samplers.opponents import OURS
from benchmarks.samplers.ranking import lines
from benchmarks.samplers.searches import Searches
from nas.simulation.replay_options import ReplayOptions
from nas.simulation.shares import hypervolume_shares

# Shares of the rows that are within a latency limit, and the trials of a search under one.
SHARES_WITHIN_LIMIT = (0.05, 0.2, 0.5)
LIMIT_BUDGET = 60


def print_ours(searches: Searches, options: ReplayOptions) -> None:
    """Print our sampler's shares in variants of `options`, and which part of those without them that is."""
    row = searches.table.rows[0]
    variants = {"8 workers": replace(options, workers=8)}
    if row.features and not options.same_knowledge:
        variants["with features"] = replace(options, features=True)
    if row.curve and not options.early_stopping:
        variants["early stopping"] = replace(options, early_stopping=True)
    base = hypervolume_shares(searches.run(OURS, options), -1).mean
    for name, variant in variants.items():
        results = searches.run(OURS, variant)
        share = hypervolume_shares(results, -1).mean
        epochs = statistics.fmean(result.epochs for result in results)
        print(f"{OURS}, {name}: {share:.3f}, {share / base:.1%} of {base:.3f}; {epochs:.0%} of the epochs", flush=True)


def print_limits(searches: Searches, names: Sequence[str], options: ReplayOptions) -> None:
    """Print the samplers' shares under latency limits, from the worst within the limit."""
    latencies_ms = sorted(row.figures["latency_ms"] for row in searches.table.rows)
    for part in SHARES_WITHIN_LIMIT:
        limit_ms = latencies_ms[round(part * len(latencies_ms))]
        print(f"\n{searches.table.name}, budget {LIMIT_BUDGET}, latency limit {limit_ms:g} ms, which {part:.0%} meet")
        limited = replace(options, budget=LIMIT_BUDGET, max_latency_ms=limit_ms, log_latency=True)
        print("\n".join(lines({name: searches.run(name, limited) for name in names})), flush=True)
