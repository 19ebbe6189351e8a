"""How latency is estimated: by turns with a reference network, as long as the wanted precision needs.

What disturbs the machine disturbs both: rounds in which the reference drifted are thrown away, and what is left is
scaled to the reference's time on record, so that figures of different hours are in the same milliseconds. Of each two
calls in a row the second is timed: the first one meets caches that are full of the other network.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nas.objective import UNKNOWN
from workers.latency.target import Run

# A round counts when the reference's times before and after it differ by at most so much. (Of seventeen ways to choose
# and to average rounds, on a machine whose own noise was 25%, none gave the same figure again clearly better.)
DRIFT = 0.1
# A calibration's samples are the quickest so many of its calls: what the machine does when nothing else is on it.
QUICKEST = 0.2
# Where fewer count than this share of the rounds, those that drifted least do.
LEAST_SHARE = 0.1
# Blocks of consecutive rounds, from whose medians the precision is judged: neighbours are not independent.
BLOCKS = 8
# Student's t for 95% and one degree of freedom less than that.
T_95 = 2.365
CHECK_EVERY = 8


@dataclass(frozen=True)
class Effort:
    """Rounds until half of the 95% confidence interval is within `precision` of the median, or for `limit_s`.

    `warm_up_s` comes before; at least `least` rounds are made whatever they take.
    """

    precision: float = 0.01
    warm_up_s: float = 0.03
    limit_s: float = 0.3
    least: int = 16


@dataclass(frozen=True)
class Estimate:
    """`samples_ms` of the kept rounds, each scaled from the reference's time beside it to that on record.

    `margin` is half of the median's 95% confidence interval and `drift` how much slower the reference was than on
    record, both as fractions.
    """

    samples_ms: tuple[float, ...]
    thrown: int
    margin: float
    reference_ms: float
    drift: float


def estimate(
    run: Run, reference: Run, effort: Effort, clock: Callable[[], float], recorded_ms: float | None = None
) -> Estimate:
    """Time `run` by turns with `reference`, whose time on record is `recorded_ms`, by default that of this occasion.

    `clock` gives seconds and never goes back.
    """
    warm = clock() + effort.warm_up_s
    while clock() < warm:
        reference()
        run()
    references = [reference()]
    samples: list[float] = []
    end = clock() + effort.limit_s
    while True:
        run()
        samples.append(run())
        reference()
        references.append(reference())
        enough = len(samples) >= effort.least
        if enough and clock() >= end:
            break
        if enough and len(samples) % CHECK_EVERY == 0 and _margin(_ratios(samples, references)) <= effort.precision:
            break
    ratios = _ratios(samples, references)
    usual = statistics.median(references)
    recorded = usual if recorded_ms is None else recorded_ms
    return Estimate(
        samples_ms=tuple(round(ratio * recorded, 5) for ratio in ratios),
        thrown=len(samples) - len(ratios),
        margin=_margin(ratios),
        reference_ms=usual,
        drift=usual / recorded - 1.0,
    )


def calibration(reference: Run, warm_up_s: float, limit_s: float, clock: Callable[[], float]) -> Estimate:
    """The reference's own time on a machine that is as quiet as it was at its quietest meanwhile."""
    end = clock() + warm_up_s
    while clock() < end:
        reference()
    samples = [reference()]
    end = clock() + limit_s
    while clock() < end:
        samples.append(reference())
    samples.sort()
    quickest = samples[: max(1, round(QUICKEST * len(samples)))]
    middle = statistics.median(quickest)
    return Estimate(
        samples_ms=tuple(quickest),
        thrown=len(samples) - len(quickest),
        margin=(quickest[-1] - quickest[0]) / 2 / middle,
        reference_ms=middle,
        drift=0.0,
    )


def _ratios(samples: Sequence[float], references: Sequence[float]) -> list[float]:
    """To the reference beside them, of the rounds in which it did not drift."""
    rounds = [
        (abs(after / before - 1.0), 2.0 * sample / (before + after))
        for sample, (before, after) in zip(samples, pairwise(references), strict=True)
    ]
    worst = max(DRIFT, sorted(drift for drift, _ in rounds)[int(LEAST_SHARE * len(rounds))])
    return [ratio for drift, ratio in rounds if drift <= worst]


def _margin(ratios: Sequence[float]) -> float:
    """Half of their median's 95% confidence interval, as a fraction of it."""
    if len(ratios) < 2 * BLOCKS:
        return UNKNOWN
    edges = [round(index * len(ratios) / BLOCKS) for index in range(BLOCKS + 1)]
    medians = [statistics.median(ratios[begin:end]) for begin, end in pairwise(edges)]
    return T_95 * statistics.stdev(medians) / math.sqrt(BLOCKS) / statistics.fmean(medians)
