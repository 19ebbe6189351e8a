"""Early stopping of trials by multi-objective asynchronous successive halving.

At rungs r * eta^k a trial's objectives are ranked among those recorded there by non-dominated sorting, ties within a
front farthest first, and it continues within the top 1/eta (MO-ASHA: Schmucker et al., 2021). Here it also continues
while no trial as cheap is clearly more accurate: a fast trial is not stopped for being less accurate than slow ones. A
sampler that predicts the final accuracy of a dominated trial decides instead (nas.samplers.setting.Pruner).
"""

import math
import statistics
from collections import deque
from collections.abc import Sequence

from nas.results.pareto import Point, dominates, non_dominated

ETA = 2
# With fewer trials at a rung, all continue.
MIN_TRIALS_AT_RUNG = 6
MAX_TRIALS_AT_RUNG = 500
# Clearly more accurate: by this share of the range between the rung's quartiles.
TOLERANCE = 0.15


def rungs(epochs: int) -> tuple[int, ...]:
    """List the epochs before the last at which trials are judged."""
    powers = (ETA**power for power in range(1 + int(math.log(max(1, epochs), ETA))))
    return tuple(epoch for epoch in powers if epoch < epochs)


class Rung:
    """The trials that reached one rung, as points to be minimised whose first coordinate is the accuracy's loss."""

    def __init__(self) -> None:
        # In a long search the latest trials represent the front by now.
        self._points: deque[Point] = deque(maxlen=MAX_TRIALS_AT_RUNG)

    def is_dominated(self, point: Point) -> bool:
        """Whether an earlier trial at this rung is as cheap and more accurate."""
        return any(dominates(other, point) for other in self._points)

    def should_continue(self, point: Point) -> bool:
        """Record a trial's point; whether the trial continues, judged by the earlier ones."""
        self._points.append(point)
        if len(self._points) < MIN_TRIALS_AT_RUNG:
            return True
        lower, _, upper = statistics.quantiles([first for first, *_ in self._points], n=4)
        tolerant = (point[0] - TOLERANCE * (upper - lower), *point[1:])
        if not any(dominates(other, tolerant) for other in self._points):
            return True
        return self._is_among_first(point, len(self._points) / ETA)

    def record(self, point: Point) -> None:
        """Record a trial's point without judging it."""
        self._points.append(point)

    def _is_among_first(self, point: Point, count: float) -> bool:
        """Whether fewer than `count` trials rank before it, front by front."""
        remaining = list(self._points)
        rank = 0
        while rank < count:
            members = set(non_dominated(remaining))
            front = [remaining[index] for index in members]
            if point in front:
                return rank + _farthest_first(front).index(point) < count
            rank += len(front)
            remaining = [other for index, other in enumerate(remaining) if index not in members]
        return False


def _farthest_first(front: Sequence[Point]) -> list[Point]:
    """Order points as an epsilon-net: each is the farthest from those before, in units of the coordinates' ranges."""
    spans = [max(column) - min(column) or 1.0 for column in zip(*front, strict=True)]

    def distance(a: Point, b: Point) -> float:
        return math.hypot(*((x - y) / span for x, y, span in zip(a, b, spans, strict=True)))

    order = [min(front)]
    remaining = [point for point in front if point != order[0]]
    nearest = {point: distance(point, order[0]) for point in remaining}
    while remaining:
        farthest = max(remaining, key=nearest.__getitem__)
        order.append(farthest)
        remaining.remove(farthest)
        nearest = {point: min(nearest[point], distance(point, farthest)) for point in remaining}
    return order
