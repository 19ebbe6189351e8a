"""How latency is estimated: by turns with a reference network, as long as the wanted precision needs.

What disturbs the machine disturbs both: rounds in which the reference drifted are thrown away, and what is left is
scaled to the reference's time on record, so that figures of different hours are in the same milliseconds.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nas.objective import UNKNOWN
from workers.latency.target import Run

# A round counts when the reference, before and after it, took at most so much longer than it usually did meanwhile.
DRIFT = 0.08
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
    limit_s: float = 0.4
    least: int = 16


@dataclass(frozen=True)
class Estimate:
    """`samples_ms` of the kept rounds, at the reference's time on record.

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
        samples.append(run())
        references.append(reference())
        enough = len(samples) >= effort.least
        if enough and clock() >= end:
            break
        if enough and len(samples) % CHECK_EVERY == 0 and _margin(*_kept(samples, references)) <= effort.precision:
            break
    kept, beside = _kept(samples, references)
    usual = statistics.median(beside)
    recorded = usual if recorded_ms is None else recorded_ms
    return Estimate(
        samples_ms=tuple(round(sample * recorded / usual, 5) for sample in kept),
        thrown=len(samples) - len(kept),
        margin=_margin(kept, beside),
        reference_ms=usual,
        drift=usual / recorded - 1.0,
    )


def _kept(samples: Sequence[float], references: Sequence[float]) -> tuple[list[float], list[float]]:
    """The samples of undisturbed rounds, and the reference's times beside them."""
    quick = sorted(references)[len(references) // 4]
    kept = [
        (sample, (before + after) / 2)
        for sample, (before, after) in zip(samples, pairwise(references), strict=True)
        if max(before, after) <= quick * (1 + DRIFT)
    ] or list(zip(samples, references, strict=False))
    return [sample for sample, _ in kept], [beside for _, beside in kept]


def _margin(samples: Sequence[float], beside: Sequence[float]) -> float:
    """Half of the 95% confidence interval of the ratio to the reference, as a fraction of it."""
    if len(samples) < 2 * BLOCKS:
        return UNKNOWN
    edges = [round(index * len(samples) / BLOCKS) for index in range(BLOCKS + 1)]
    ratios = [
        statistics.median(samples[begin:end]) / statistics.median(beside[begin:end]) for begin, end in pairwise(edges)
    ]
    return T_95 * statistics.stdev(ratios) / math.sqrt(BLOCKS) / statistics.fmean(ratios)
