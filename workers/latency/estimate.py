"""How latency is estimated: by turns with a reference network, as long as the wanted precision needs.

The figure is the network's quickest calls over the reference's: both show the machine as it is when nothing else is
on it. It is scaled to the reference's time on record, so that figures of different hours are in the same milliseconds.
Of each two calls in a row the second is timed: the first one meets caches that are full of the other network. How calls
vary is told by the rounds that nothing disturbed: those in which the reference drifted, or a call was preempted for a
process that does not stand aside, are thrown away.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from nas.objective import MAX_DRIFT, UNKNOWN_HALF_WIDTH

# One complete, synchronised inference; its milliseconds.
Run = Callable[[], float]
# A round counts when the reference's times before and after it differ by at most so much.
DRIFT = 0.1
# What a network takes is the median of the quickest so many of its calls. (Two processes that measured the same 160
# times by turns differed by .6% in the median and 1.8% at p95 so, and by 1.0 and 4.2% by the median of rounds' ratios:
# a neighbour that has the core for a second slows unlike networks unlike.)
QUICKEST = 0.2
# While too few rounds count, or the machine is shared, a measurement goes on for up to so many times its limit; while
# there were too few at all, of a network so slow, for up to so many.
PATIENCE, SLOW = 4, 10
# Where fewer count even then, so many that were disturbed least do.
FEWEST = 5
# A reference whose quickest calls differ by more is no scale: figures on it would be off by as much. Where they do
# however long one looks, so many that do not, the quickest of them, say what a quiet moment would have.
STEADY, STEADY_CALLS = 0.2, 16
# Looks at one network differ by so much (standard deviation) on a machine that is shared; whoever asks for no more than
# that does not wait for a quieter moment.
SHARED_ERROR = 0.04
# Blocks of consecutive rounds, from whose figures the precision is judged: neighbours are not independent.
BLOCKS = 8
# Student's t for 95%, by degrees of freedom from 4 on: one less than blocks, or than rounds that are too few for these.
T_95 = (2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145)
CHECK_EVERY = 8


@dataclass(frozen=True)
class Effort:
    """Rounds until half of the 95% confidence interval is within `precision` of the median, or for `limit_s`.

    `warm_up_s` comes before. At least `least` rounds are made, unless they take SLOW times the limit; and as long as
    fewer than that were undisturbed, or the reference is slower than on record by more than MAX_DRIFT and the
    `precision` finer than SHARED_ERROR, it goes on for up to PATIENCE times the limit.
    """

    precision: float = 0.005
    warm_up_s: float = 0.03
    limit_s: float = 0.3
    least: int = 16


@dataclass(frozen=True)
class Estimate:
    """`samples_ms` of the kept rounds, each scaled from the reference's time beside it to that on record, and all of
    them to where their median is what the quickest calls say.

    `margin` is half of the median's 95% confidence interval and `drift` how much slower the reference was than on
    record, both as fractions.
    """

    samples_ms: tuple[float, ...]
    thrown: int
    margin: float
    reference_ms: float
    drift: float


# `estimate` of a network and a reference that are ready, by an effort and the time on record.
Estimating = Callable[[Effort, float | None], Estimate]


class Timed(NamedTuple):
    """A call's time, and how often it was preempted."""

    ms: float
    preemptions: int


def estimate(
    run: Run,
    reference: Run,
    effort: Effort,
    clock: Callable[[], float],
    preemptions: Callable[[], int],
    recorded_ms: float | None = None,
) -> Estimate:
    """Time `run` by turns with `reference`, whose time on record is `recorded_ms`, by default that of this occasion.

    `clock` gives seconds and never goes back; `preemptions` counts how often the system took the processor away.
    """

    def timed(call: Run) -> Timed:
        call()
        before = preemptions()
        ms = call()
        return Timed(ms, preemptions() - before)

    warm = clock() + effort.warm_up_s
    while clock() < warm:
        reference()
        run()
    shared_ms = math.inf if recorded_ms is None or effort.precision >= SHARED_ERROR else (1 + MAX_DRIFT) * recorded_ms
    references = [timed(reference)]
    samples: list[Timed] = []
    begin = clock()
    while True:
        samples.append(timed(run))
        references.append(timed(reference))
        passed = clock() - begin
        needed = effort.least if passed < SLOW * effort.limit_s else min(FEWEST, effort.least)
        if len(samples) < needed:
            continue
        if passed >= PATIENCE * effort.limit_s:
            break
        if len(samples) % CHECK_EVERY == 0 or passed >= effort.limit_s:
            kept = len(_ratios(samples, references))
            is_done = passed >= effort.limit_s or _margin(samples, references, kept) <= effort.precision
            if kept >= effort.least and is_done and _quick_ms(references) <= shared_ms:
                break
    ratios = _ratios(samples, references)
    reference_ms = _quick_ms(references)
    recorded = reference_ms if recorded_ms is None else recorded_ms
    scale = _quick_ms(samples) / reference_ms / statistics.median(ratios) * recorded
    return Estimate(
        samples_ms=tuple(round(ratio * scale, 5) for ratio in ratios),
        thrown=len(samples) - len(ratios),
        margin=_margin(samples, references, len(ratios)),
        reference_ms=reference_ms,
        drift=reference_ms / recorded - 1.0,
    )


def calibration(reference: Run, warm_up_s: float, limit_s: float, clock: Callable[[], float]) -> Estimate:
    """The reference's own time on a machine that is as quiet as it was at its quietest meanwhile.

    Where its quickest calls differ by more than STEADY, it goes on for up to PATIENCE times the limit, and then goes by
    the quickest STEADY_CALLS of them. `margin` is half of the difference of those it goes by, as a fraction.
    """
    end = clock() + warm_up_s
    while clock() < end:
        reference()
    samples = [reference()]
    for _ in range(PATIENCE):
        end = clock() + limit_s
        while clock() < end:
            samples.append(reference())
        quickest = _quickest(samples)
        if _spread(quickest) <= STEADY:
            break
    else:
        quickest = quickest[:STEADY_CALLS]
    return Estimate(
        samples_ms=tuple(quickest),
        thrown=len(samples) - len(quickest),
        margin=_spread(quickest),
        reference_ms=statistics.median(quickest),
        drift=0.0,
    )


def _spread(ascending_ms: Sequence[float]) -> float:
    """Half of the difference between the quickest and the slowest, as a fraction of the median."""
    return (ascending_ms[-1] - ascending_ms[0]) / 2 / statistics.median(ascending_ms)


def _ratios(calls: Sequence[Timed], references: Sequence[Timed]) -> list[float]:
    """To the reference beside them, of the rounds that nothing disturbed, or else of the least disturbed ones."""
    rounds = [
        _Round(
            before.preemptions + call.preemptions + after.preemptions,
            abs(after.ms / before.ms - 1.0),
            2.0 * call.ms / (before.ms + after.ms),
        )
        for call, (before, after) in zip(calls, pairwise(references), strict=True)
    ]
    worst = max((0, DRIFT), sorted(each[:2] for each in rounds)[:FEWEST][-1])
    return [each.ratio for each in rounds if each[:2] <= worst]


class _Round(NamedTuple):
    """What disturbed it, worst first, and what it says."""

    preemptions: int
    drift: float
    ratio: float


def _quickest(calls_ms: Sequence[float]) -> list[float]:
    return sorted(calls_ms)[: math.ceil(QUICKEST * len(calls_ms))]


def _quick_ms(calls: Sequence[Timed]) -> float:
    """What they take on a quiet machine."""
    return statistics.median(_quickest([ms for ms, _ in calls]))


def _margin(calls: Sequence[Timed], references: Sequence[Timed], kept: int) -> float:
    """Half of the 95% confidence interval of the network's time over the reference's, as a fraction of it.

    UNKNOWN where too few rounds were `kept`. Of a network so slow that there are few a round is a block, if nothing
    disturbed any.
    """
    if kept >= 2 * BLOCKS:
        blocks = BLOCKS
    elif FEWEST <= kept == len(calls):
        blocks = kept
    else:
        return UNKNOWN_HALF_WIDTH
    edges = [round(index * len(calls) / blocks) for index in range(blocks + 1)]
    found = [_quick_ms(calls[begin:end]) / _quick_ms(references[begin:end]) for begin, end in pairwise(edges)]
    return T_95[blocks - FEWEST] * statistics.stdev(found) / math.sqrt(blocks) / statistics.fmean(found)
