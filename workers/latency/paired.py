"""Two networks compared: parts in which one, then the other, comes first, and what the parts differ by."""

import math
import statistics
from typing import Protocol

from scipy.special import stdtrit

from nas.latency.meter import Comparison
from workers.latency.estimate import Estimate

# Where memory comes to lie makes a network a percent faster or slower: that is in the interval, since each part has its
# own. The interval is Student's.
MIN_PARTS, PARTS = 4, 8


class Part(Protocol):
    def __call__(self, *, swapped: bool) -> Estimate:
        """The first network by turns with the second one as its reference, or `swapped`."""


def compared(part: Part, precision: float) -> Comparison:
    """Of PARTS parts, fewer where the interval is within `precision` of the ratio before."""
    logs: list[float] = []
    rounds = thrown = 0
    while True:
        swapped = len(logs) % 2 == 1
        found = part(swapped=swapped)
        log = math.log(statistics.median(found.samples_ms) / found.reference_ms)
        logs.append(-log if swapped else log)
        rounds += len(found.samples_ms)
        thrown += found.thrown
        # As many of each kind.
        if swapped and len(logs) >= MIN_PARTS:
            reach = float(stdtrit(len(logs) - 1, 0.975)) * statistics.stdev(logs) / math.sqrt(len(logs))
            if math.expm1(reach) <= precision or len(logs) >= PARTS:
                break
    middle = statistics.fmean(logs)
    return Comparison(math.exp(middle), math.exp(middle - reach), math.exp(middle + reach), rounds, thrown)
