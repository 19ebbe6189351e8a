"""The reference points from which a table's hypervolumes are measured."""

from dataclasses import dataclass, replace

import numpy as np

from nas.simulation.replay_options import ReplayOptions
from nas.simulation.table import Table

# On the hard reference only accuracies above this quantile of the table's rows count.
HARD_QUANTILE = 0.6


@dataclass(frozen=True)
class Reference:
    """A reference point (error, latency_ms), None for the table's worst, and the scale of latency."""

    name: str
    point: tuple[float, float] | None
    log_latency: bool

    def of(self, options: ReplayOptions) -> ReplayOptions:
        """Return the options of the same searches, measured from here."""
        return replace(options, reference=self.point, log_latency=self.log_latency)


def references(table: Table) -> list[Reference]:
    """List the table's worst with linear and with log latency, and the hard reference."""
    return [
        Reference("worst, linear latency", None, False),
        Reference("worst, log latency", None, True),
        Reference("hard, log latency", hard_point(table), True),
    ]


def hard_point(table: Table) -> tuple[float, float]:
    """Return the error at the quantile HARD_QUANTILE of the accuracies, and the slowest latency."""
    accuracies = [row.figures["accuracy"] for row in table.rows]
    slowest_ms = max(row.figures["latency_ms"] for row in table.rows)
    return 1.0 - float(np.quantile(accuracies, HARD_QUANTILE)), slowest_ms
