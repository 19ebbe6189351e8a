"""What a search optimises, and a measured number that knows its spread and where it was taken."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

QUANTILES = (0.1, 0.25, 0.75, 0.9, 0.99)


@dataclass(frozen=True)
class Objective:
    """A named quantity, its unit and whether more of it is better."""

    name: str
    unit: str
    maximise: bool

    def loss(self, value: float) -> float:
        """The value as something to minimise."""
        return -value if self.maximise else value


ACCURACY = Objective("accuracy", "fraction", maximise=True)
LATENCY = Objective("latency_ms", "ms", maximise=False)
OBJECTIVES = (ACCURACY, LATENCY)


@dataclass(frozen=True)
class Measurement:
    """Repeated samples of one quantity, and the fingerprint of where they were taken.

    Only measurements of equal fingerprints are comparable.
    """

    metric: str
    unit: str
    samples: tuple[float, ...]
    fingerprint: Mapping[str, str | int]

    @property
    def count(self) -> int:
        return len(self.samples)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    def quantile(self, q: float) -> float:
        """The sample quantile at 0 <= q <= 1, linear between order statistics."""
        ordered = sorted(self.samples)
        position = q * (len(ordered) - 1)
        low = int(position)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (position - low) * (ordered[high] - ordered[low])

    @property
    def iqr(self) -> float:
        """The interquartile range: where the middle half of the samples lies."""
        return self.quantile(0.75) - self.quantile(0.25)
