"""What searches on a table found of its best possible hypervolume, over their seeds."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from nas.simulation.replay import ReplayResult

# Of the budget N; in this order a search has its shares.
PARTS = ("N/4", "N/2", "N")


class Shares(NamedTuple):
    """Of the best possible hypervolume, over seeds; of one seed there is no standard error."""

    mean: float
    worst: float
    standard_error: float | None

    def __str__(self) -> str:
        error = "-" if self.standard_error is None else f"{self.standard_error:.3f}"
        return f"{self.mean:.3f} {self.worst:.3f} {error}"


def hypervolume_shares(searches: Sequence[ReplayResult], part: int) -> Shares:
    """After that part of the budget, by its place in PARTS."""
    shares = [each.shares[part] for each in searches]
    error = statistics.stdev(shares) / len(shares) ** 0.5 if len(shares) > 1 else None
    return Shares(statistics.fmean(shares), min(shares), error)
