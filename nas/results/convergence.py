"""What the rest of a search promises: how much hypervolume is still to be gained.

A front grows with the logarithm of the trials: each doubling of their number adds about as much as the last one did, or
less. So what is still to come is the last doubling's gain, times the doublings that are left.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from nas.results.front import Result, reference_point
from nas.results.pareto import hypervolume

# With fewer trials on record a doubling tells too little.
MIN_TRIALS = 20


def expected_gain(
    found: Sequence[Result], done: Collection[int], left: int, settings: Mapping[str, Any]
) -> float | None:
    """As a share of the front's present hypervolume; None while too little is known.

    `done` are the numbers of all trials on record, `left` how many are still to come. Judged by what the trials
    themselves found, so that it stays as it is while the front is confirmed.
    """
    if len(done) < MIN_TRIALS or not found:
        return None
    middle = sorted(done)[len(done) // 2]
    points = [each.searched_losses for each in found]
    reference = reference_point(points, settings)
    now = hypervolume(points, reference)
    before = hypervolume([each.searched_losses for each in found if each.trial.number < middle], reference)
    return (now - before) / now * math.log2((len(done) + left) / len(done)) if now > 0 else None
