"""Shares of a table's best possible hypervolume that searches reached, summarised over their seeds."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from nas.simulation.replay import ReplayResult

# Parts of the budget N, in the order of `ReplayResult.shares`.
PARTS = ("N/4", "N/2", "N")


class Shares(NamedTuple):
    """Shares of the best possible hypervolume over seeds; a single seed has no standard error."""

    mean: float
    worst: float
    standard_error: float | None

    def __str__(self) -> str:
        error = "-" if self.standard_error is None else f"{self.standard_error:.3f}"
        return f"{self.mean:.3f} {self.worst:.3f} {error}"


def hypervolume_shares(searches: Sequence[ReplayResult], part: int) -> Shares:
    """Summarise the shares after a part of the budget, given by its index in PARTS."""
    shares = [search.shares[part] for search in searches]
    error = statistics.stdev(shares) / len(shares) ** 0.5 if len(shares) > 1 else None
    return Shares(statistics.fmean(shares), min(shares), error)
