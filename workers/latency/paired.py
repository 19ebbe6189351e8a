"""Paired comparison of two networks, in parts in which one or the other comes first."""

import math
import statistics
from typing import Protocol

from scipy.special import stdtrit

from nas.latency.meter import Comparison
from workers.latency.estimate import Estimate

# The location of memory makes a network a percent faster or slower: that is in the interval, since each part has its
# own. The interval is Student's.
MIN_PARTS, MAX_PARTS = 4, 8


class PairedPart(Protocol):
    def __call__(self, *, swapped: bool) -> Estimate:
        """Time the first network with the second one as its reference, or the other way round if `swapped`."""


def compared(part: PairedPart, precision: float) -> Comparison:
    """Compare by MAX_PARTS parts, or fewer where the interval is within `precision` of the ratio before."""
    logs: list[float] = []
    rounds = discarded = 0
    while True:
        swapped = len(logs) % 2 == 1
        estimate = part(swapped=swapped)
        log = math.log(statistics.median(estimate.samples_ms) / estimate.reference_ms)
        logs.append(-log if swapped else log)
        rounds += len(estimate.samples_ms)
        discarded += estimate.discarded
        # Only after an equal number of either order.
        if swapped and len(logs) >= MIN_PARTS:
            half_width = float(stdtrit(len(logs) - 1, 0.975)) * statistics.stdev(logs) / math.sqrt(len(logs))
            if math.expm1(half_width) <= precision or len(logs) >= MAX_PARTS:
                break
    mean = statistics.fmean(logs)
    return Comparison(math.exp(mean), math.exp(mean - half_width), math.exp(mean + half_width), rounds, discarded)
