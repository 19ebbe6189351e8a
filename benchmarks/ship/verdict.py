"""Comparison of both sides at each latency and by hypervolume, and its report."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from nas.results.pareto import hypervolume, knee, non_dominated

# Ratio of latencies within which two networks are equally fast: turns of the clock differ by it.
MAX_EQUAL_RATIO = 1.02
LATENCIES = 3
MIN_VOLUME_RATIO = 1.1


class Shipped(NamedTuple):
    """A finally trained network. Ours was chosen to be as fast as the baseline `limit`; None marks a baseline."""

    name: str
    accuracy: float
    ms: float
    torch_ms: float
    limit: str | None = None

    @property
    def point(self) -> tuple[float, float]:
        return self.ms, 1 - self.accuracy


class Race(NamedTuple):
    """The networks shipped in one case with one seed; the limits are names of baselines, the fastest first.

    `conditions` are the hardware and the versions.
    """

    case: str
    seed: int
    test_pictures: int
    limits: Sequence[str]
    baselines: Sequence[Shipped]
    ours: Sequence[Shipped]
    conditions: str


class AtLatency(NamedTuple):
    """Both sides' best at a limit; ours is None where nothing that fast was shipped."""

    limit_ms: float
    baseline: Shipped
    ours: Shipped | None

    @property
    def gain(self) -> float:
        """Gain in accuracy; a side that ships nothing has the accuracy 0."""
        return (self.ours.accuracy if self.ours else 0.0) - self.baseline.accuracy

    @property
    def is_met(self) -> bool:
        return self.gain >= 0


def chosen_limits(baselines: Sequence[Shipped]) -> list[str]:
    """Choose the fastest baseline, their knee and the most accurate; others of their front where these coincide."""
    points = [network.point for network in baselines]
    order = (
        min(baselines, key=lambda network: network.ms),
        baselines[knee(points)],
        max(baselines, key=lambda network: network.accuracy),
        *(baselines[index] for index in non_dominated(points)),
        *baselines,
    )
    distinct = list(dict.fromkeys(order))[:LATENCIES]
    return [network.name for network in sorted(distinct, key=lambda network: network.ms)]


def at_latencies(race: Race) -> list[AtLatency]:
    by_name = {network.name: network for network in race.baselines}
    rows = []
    for limit in race.limits:
        limit_ms = by_name[limit].ms
        fast = [network for network in race.baselines if network.ms <= limit_ms * MAX_EQUAL_RATIO]
        ours = [network for network in race.ours if network.limit == limit and network.ms <= limit_ms * MAX_EQUAL_RATIO]
        best = max(fast, key=lambda network: network.accuracy)
        rows.append(AtLatency(limit_ms, best, ours[0] if ours else None))
    return rows


def volumes(race: Race) -> tuple[float, float]:
    """Return our and the baselines' hypervolume, in ms and error, from the baselines' worst latency and error."""
    reference = (max(network.ms for network in race.baselines), max(1 - network.accuracy for network in race.baselines))
    ours, theirs = (hypervolume([network.point for network in side], reference) for side in (race.ours, race.baselines))
    return ours, theirs


def standard_error(accuracy: float, pictures: int) -> float:
    return math.sqrt(accuracy * (1 - accuracy) / pictures)


def race_report(race: Race) -> str:
    lines = [
        f"### {race.case}, seed {race.seed}",
        "",
        "| network | test accuracy | ms, ONNX Runtime | ms, torch |",
        "|---|---|---|---|",
    ]
    for network in sorted((*race.baselines, *race.ours), key=lambda network: network.ms):
        error = standard_error(network.accuracy, race.test_pictures)
        name = network.name if network.limit is None else f"**{network.name}**, for the latency of {network.limit}"
        lines.append(f"| {name} | {network.accuracy:.4f} +- {error:.4f} | {network.ms:.4f} | {network.torch_ms:.4f} |")
    lines += [
        "",
        "| at most, ms | best baseline | its accuracy | ours | gain | at least as accurate |",
        "|---|---|---|---|---|---|",
    ]
    for row in at_latencies(race):
        ours = (f"{row.ours.accuracy:.4f}", f"{row.gain:+.4f}") if row.ours else ("nothing that fast", "")
        met = "yes" if row.is_met else "**no**"
        columns = (f"{row.limit_ms:.4f}", row.baseline.name, f"{row.baseline.accuracy:.4f}", *ours, met)
        lines.append(f"| {' | '.join(columns)} |")
    volume, baselines_volume = volumes(race)
    ratio = f"ratio {volume / baselines_volume:.3f}" if baselines_volume else "no ratio"
    return "\n".join(
        [*lines, "", f"Hypervolume: ours {volume:.5f}, the baselines' {baselines_volume:.5f}, {ratio}.", ""]
    )


CASE_HEAD = (
    "| case | seeds | gain in accuracy at the fastest latency (met) | at the middle one (met) | at the slowest (met) "
    "| ratio of hypervolumes |\n|---|---|---|---|---|---|"
)


def case_report(races: Sequence[Race]) -> str:
    """Format a case's row: mean gains where something was shipped, how often they were met, ratios of hypervolumes."""
    cells = []
    for rows in zip(*(at_latencies(race) for race in races), strict=True):
        gains = [row.gain for row in rows if row.ours]
        mean = f"{statistics.fmean(gains):+.4f}" if gains else "nothing that fast"
        cells.append(f"{mean} ({sum(row.is_met for row in rows)} of {len(rows)})")
    ratios = [ours / theirs if theirs else math.inf for ours, theirs in map(volumes, races)]
    mean_ratio = statistics.fmean(ratios)
    shown = f"{mean_ratio:.3f}" if mean_ratio >= MIN_VOLUME_RATIO else f"**{mean_ratio:.3f}**"
    listed = ", ".join(f"{ratio:.3f}" for ratio in ratios)
    return f"| {races[0].case} | {len(races)} | {' | '.join(cells)} | {shown} ({listed}) |"
