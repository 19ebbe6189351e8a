"""Convergence of a search: the hypervolume that the remaining trials are expected to add.

A front grows with the logarithm of the trials: each doubling of their number adds about as much as the last one did, or
less. So the expected gain is the last doubling's gain times the number of doublings that remain.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from nas.results.front import Result, reference_point
from nas.results.pareto import hypervolume

# With fewer recorded trials the gain of a doubling is too noisy.
MIN_TRIALS = 20


def expected_gain(
    results: Sequence[Result], done: Collection[int], remaining: int, settings: Mapping[str, Any]
) -> float | None:
    """Return the expected gain as a share of the front's present hypervolume; None with too few trials.

    `done` holds the numbers of all recorded trials, `remaining` counts the trials to come. The gain is computed from
    the trials' figures before confirmation, so that it does not change while the front is confirmed.
    """
    if len(done) < MIN_TRIALS or not results:
        return None
    middle = sorted(done)[len(done) // 2]
    points = [result.searched_losses for result in results]
    reference = reference_point(points, settings)
    now = hypervolume(points, reference)
    before = hypervolume([result.searched_losses for result in results if result.trial.number < middle], reference)
    return (now - before) / now * math.log2((len(done) + remaining) / len(done)) if now > 0 else None
