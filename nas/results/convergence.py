"""Convergence of a search: the hypervolume that the remaining trials are expected to add.

A front grows with the logarithm of the trials: each doubling of their number adds about as much as the last one did, or
less. So the expected gain is the last doubling's gain times the number of doublings that remain.
"""

import math
from collections.abc import Collection, Sequence

from nas.results.front import Result
from nas.results.pareto import Point, hypervolume, non_dominated
from nas.results.region import reference_point
from nas.results.settings import ComparableSettings

# With fewer recorded trials the gain of a doubling is too noisy.
MIN_TRIALS = 20


def expected_gain(
    results: Sequence[Result], done: Collection[int], remaining: int, settings: ComparableSettings
) -> float | None:
    """Return the expected gain as a share of the front's present hypervolume in the region of interest.

    None with too few trials, and while no result is in the region. `done` holds the numbers of all recorded trials,
    `remaining` counts the trials to come. The gain is computed from the trials' figures before confirmation, so that it
    does not change while the front is confirmed.
    """
    candidates = [result for result in results if result.is_within_limits]
    if len(done) < MIN_TRIALS or not candidates:
        return None
    middle = sorted(done)[len(done) // 2]
    points = [result.searched_losses for result in candidates]
    earlier = [result.searched_losses for result in candidates if result.trial.number < middle]
    reference = reference_point(points, settings)
    now = hypervolume(points, reference)
    if now == 0:
        # Where half of the results are equally accurate, the region may be empty although the front is at its best.
        return 0.0 if _front(earlier) == _front(points) else None
    return (now - hypervolume(earlier, reference)) / now * math.log2((len(done) + remaining) / len(done))


def _front(points: Sequence[Point]) -> list[Point]:
    return [points[index] for index in non_dominated(points)]
