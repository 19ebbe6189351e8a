"""Latency estimation: a network is timed by turns with a reference network until the estimate is precise enough.

The estimate is the network's quickest calls over the reference's: both show the machine without any other load. It is
scaled to the reference's recorded time, so that figures of different hours are in the same milliseconds. Of each two
consecutive calls the second is timed: the first one meets caches that are full of the other network. The spread comes
from undisturbed rounds: rounds in which the reference drifted, or a call was preempted for a process that does not take
the measurement lock, are discarded.
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
# A round counts when the reference's times before and after it differ by at most this fraction.
MAX_ROUND_DRIFT = 0.1
# A network's time is the median of this share of its calls, the quickest. (Two processes that measured the same 160
# times by turns differed by .6% in the median and 1.8% at p95 so, and by 1.0 and 4.2% by the median of rounds' ratios:
# a neighbour that has the core for a second slows different networks differently.)
QUICKEST_SHARE = 0.2
# A measurement may take this many times its limit: the first while too few rounds count or the machine is shared, the
# second while there are too few rounds at all, of a very slow network.
MAX_EXTENSION, MAX_SLOW_EXTENSION = 4, 10
# Where fewer rounds than this count even then, the least disturbed ones make up the number.
MIN_ROUNDS = 5
# A reference whose quickest calls differ by more than STEADY is no scale: figures on it would be off by as much. Where
# they do after all extensions, the quickest STEADY_CALLS of them tell the time on a quiet machine.
STEADY, STEADY_CALLS = 0.2, 16
# The standard deviation of repeats on a shared machine; a measurement that asks for no more precision than this does
# not wait for a quieter moment.
SHARED_ERROR = 0.04
# Blocks of consecutive rounds, from whose figures the precision is judged: adjacent rounds are not independent.
BLOCKS = 8
# Student's t for 95%, by degrees of freedom from 4 on: one less than blocks, or than rounds that are too few for these.
T_95 = (2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145)
CHECK_EVERY = 8


@dataclass(frozen=True)
class Effort:
    """Rounds until half of the 95% confidence interval is within `precision` of the median, or for `limit_s`.

    `warm_up_s` comes before. At least `min_rounds` are made, unless they take MAX_SLOW_EXTENSION times the limit. It
    goes on for up to MAX_EXTENSION times the limit while fewer than `min_rounds` are undisturbed, or while the
    reference is slower than recorded by more than MAX_DRIFT and the `precision` is finer than SHARED_ERROR.
    """

    precision: float = 0.005
    warm_up_s: float = 0.03
    limit_s: float = 0.3
    min_rounds: int = 16


@dataclass(frozen=True)
class Estimate:
    """An estimated latency: `samples_ms` of the kept rounds, scaled twice. Each is scaled from the reference's adjacent
    time to the recorded one, and all of them so that their median is the figure of the quickest calls.

    `discarded` counts the other rounds. `relative_half_width` is half of the median's 95% confidence interval and
    `drift` how much slower the reference was than recorded, both as fractions.
    """

    samples_ms: tuple[float, ...]
    discarded: int
    relative_half_width: float
    reference_ms: float
    drift: float


# `estimate` of a network and a reference that are ready, by an effort and the recorded time.
Estimating = Callable[[Effort, float | None], Estimate]


class TimedCall(NamedTuple):
    """A call's time, and the number of its preemptions."""

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
    """Time `run` by turns with `reference`, whose recorded time is `recorded_ms`, by default the one measured here.

    `clock` gives seconds and never goes back; `preemptions` counts how often the system took the processor away.
    """

    def timed(call: Run) -> TimedCall:
        call()
        before = preemptions()
        ms = call()
        return TimedCall(ms, preemptions() - before)

    warm = clock() + effort.warm_up_s
    while clock() < warm:
        reference()
        run()
    shared_ms = math.inf if recorded_ms is None or effort.precision >= SHARED_ERROR else (1 + MAX_DRIFT) * recorded_ms
    references = [timed(reference)]
    samples: list[TimedCall] = []
    begin = clock()
    while True:
        samples.append(timed(run))
        references.append(timed(reference))
        elapsed_s = clock() - begin
        needed = (
            effort.min_rounds if elapsed_s < MAX_SLOW_EXTENSION * effort.limit_s else min(MIN_ROUNDS, effort.min_rounds)
        )
        if len(samples) < needed:
            continue
        if elapsed_s >= MAX_EXTENSION * effort.limit_s:
            break
        if len(samples) % CHECK_EVERY == 0 or elapsed_s >= effort.limit_s:
            kept = len(_ratios(samples, references))
            is_done = elapsed_s >= effort.limit_s or _relative_half_width(samples, references, kept) <= effort.precision
            if kept >= effort.min_rounds and is_done and _quick_ms(references) <= shared_ms:
                break
    ratios = _ratios(samples, references)
    reference_ms = _quick_ms(references)
    recorded = reference_ms if recorded_ms is None else recorded_ms
    scale = _quick_ms(samples) / reference_ms / statistics.median(ratios) * recorded
    return Estimate(
        samples_ms=tuple(round(ratio * scale, 5) for ratio in ratios),
        discarded=len(samples) - len(ratios),
        relative_half_width=_relative_half_width(samples, references, len(ratios)),
        reference_ms=reference_ms,
        drift=reference_ms / recorded - 1.0,
    )


def calibration(reference: Run, warm_up_s: float, limit_s: float, clock: Callable[[], float]) -> Estimate:
    """Time the reference itself, by its quickest calls.

    Where these differ by more than STEADY, timing goes on for up to MAX_EXTENSION times the limit; then the quickest
    STEADY_CALLS decide. `relative_half_width` is half of the deciding calls' range, as a fraction of their median.
    """
    end = clock() + warm_up_s
    while clock() < end:
        reference()
    samples = [reference()]
    for _ in range(MAX_EXTENSION):
        end = clock() + limit_s
        while clock() < end:
            samples.append(reference())
        quickest = _quickest(samples)
        if _half_range(quickest) <= STEADY:
            break
    else:
        quickest = quickest[:STEADY_CALLS]
    return Estimate(
        samples_ms=tuple(quickest),
        discarded=len(samples) - len(quickest),
        relative_half_width=_half_range(quickest),
        reference_ms=statistics.median(quickest),
        drift=0.0,
    )


def _half_range(ascending_ms: Sequence[float]) -> float:
    """Half of the difference between the quickest and the slowest, as a fraction of the median."""
    return (ascending_ms[-1] - ascending_ms[0]) / 2 / statistics.median(ascending_ms)


def _ratios(calls: Sequence[TimedCall], references: Sequence[TimedCall]) -> list[float]:
    """The ratios to the adjacent references, of the undisturbed rounds, or else of the MIN_ROUNDS least disturbed."""
    rounds = [
        _Round(
            before.preemptions + call.preemptions + after.preemptions,
            abs(after.ms / before.ms - 1.0),
            2.0 * call.ms / (before.ms + after.ms),
        )
        for call, (before, after) in zip(calls, pairwise(references), strict=True)
    ]
    worst = max((0, MAX_ROUND_DRIFT), sorted(timed[:2] for timed in rounds)[:MIN_ROUNDS][-1])
    return [timed.ratio for timed in rounds if timed[:2] <= worst]


class _Round(NamedTuple):
    """A round's disturbances, the more serious one first, and its ratio."""

    preemptions: int
    drift: float
    ratio: float


def _quickest(calls_ms: Sequence[float]) -> list[float]:
    return sorted(calls_ms)[: math.ceil(QUICKEST_SHARE * len(calls_ms))]


def _quick_ms(calls: Sequence[TimedCall]) -> float:
    """The calls' time on a quiet machine."""
    return statistics.median(_quickest([ms for ms, _ in calls]))


def _relative_half_width(calls: Sequence[TimedCall], references: Sequence[TimedCall], kept: int) -> float:
    """Half of the 95% confidence interval of the network's time over the reference's, as a fraction of it.

    UNKNOWN where too few rounds were `kept`. Where a network is so slow that there are few rounds and nothing disturbed
    any, each round is a block.
    """
    if kept >= 2 * BLOCKS:
        blocks = BLOCKS
    elif MIN_ROUNDS <= kept == len(calls):
        blocks = kept
    else:
        return UNKNOWN_HALF_WIDTH
    edges = [round(index * len(calls) / blocks) for index in range(blocks + 1)]
    ratios = [_quick_ms(calls[begin:end]) / _quick_ms(references[begin:end]) for begin, end in pairwise(edges)]
    return T_95[blocks - MIN_ROUNDS] * statistics.stdev(ratios) / math.sqrt(blocks) / statistics.fmean(ratios)
