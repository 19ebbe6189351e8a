"""Samplers' shares from one reference point, and whether ours is ahead of all others in all of them."""

import math
import statistics
from collections.abc import Mapping, Sequence

from benchmarks.samplers.opponents import OPTUNA_DEFAULT, OURS
from nas.simulation.replay import ReplayResult
from nas.simulation.shares import PARTS, Shares, hypervolume_shares

# Shares that are closer are level.
LEVEL = 5e-4

Results = Mapping[str, Sequence[ReplayResult]]


def lines(results: Results) -> list[str]:
    """Return a line for each sampler, below a head."""
    parts = "".join(f"   {f'{part}: mean worst s.e.':>21}" for part in PARTS)
    shown = [f"{'sampler':8}{parts}   duplicates   not in table   trials for {OPTUNA_DEFAULT}'s end   epochs   ms"]
    goal = hypervolume_shares(results[OPTUNA_DEFAULT], -1).mean if OPTUNA_DEFAULT in results else math.nan
    for name, searches in results.items():
        shares = "".join(f"   {share!s:>21}" for share in all_shares(searches))
        needed = statistics.median(trials_for(search.course, goal) for search in searches)
        repeats, absent, epochs, ms = (
            statistics.fmean(column)
            for column in zip(
                *((search.repeats, search.absent, search.epochs, search.suggest_ms) for search in searches), strict=True
            )
        )
        shown.append(f"{name:8}{shares}   {repeats:10.0f}   {absent:12.0f}   {needed:23.0f}   {epochs:6.0%}   {ms:.1f}")
    return shown


def all_shares(searches: Sequence[ReplayResult]) -> list[Shares]:
    """Summarise the shares after each part of the budget."""
    return [hypervolume_shares(searches, number) for number in range(len(PARTS))]


def trials_for(course: Sequence[float], share: float) -> float:
    """Return the number of trials until a search had that share, infinite where it never did."""
    return next((1.0 + index for index, reached in enumerate(course) if reached >= share), math.inf)


def deficits(results: Results) -> list[str]:
    """List the means and worst seeds in which ours is behind the best opponent."""
    shares = {name: all_shares(searches) for name, searches in results.items()}
    behind = []
    for number, part in enumerate(PARTS):
        for kind, index in (("mean", 0), ("worst seed", 1)):
            values = {name: parts[number][index] or 0.0 for name, parts in shares.items()}
            best = max(values, key=values.__getitem__)
            if values[best] > values[OURS] + LEVEL:
                behind.append(f"{kind} at {part} {values[OURS]:.3f} ({best} {values[best]:.3f})")
    return behind


def verdict(results: Results) -> str:
    """Say whether ours is ahead of all others, or level, in the mean and the worst seed at each part of the budget."""
    behind = deficits(results)
    return f"{OURS} is behind: {', '.join(behind)}" if behind else f"{OURS} is ahead of all in all"
