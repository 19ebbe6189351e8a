"""Which trials need not be trained to the end: multi-objective asynchronous successive halving.

At rungs r * eta^k a trial's objectives are ranked among those recorded there by non-dominated sorting, ties within a
front farthest first, and it goes on within the top 1/eta (MO-ASHA: Schmucker et al., 2021). Here it also goes on while
nothing as cheap is clearly more accurate: a fast trial is not stopped for being less accurate than slow ones. A sampler
that knows better what a beaten trial still promises decides instead (nas.samplers.setting.Foresight).
"""

import math
import statistics
from collections import deque
from collections.abc import Sequence

from nas.results.pareto import Point, dominates, non_dominated

ETA = 2
# With fewer trials at a rung, all go on.
FEWEST = 6
MOST = 500
# Clearly more accurate: by this share of the spread between the rung's quartiles.
MARGIN = 0.15


def rungs(epochs: int) -> tuple[int, ...]:
    """The epochs before the last at which trials are judged."""
    powers = (ETA**power for power in range(1 + int(math.log(max(1, epochs), ETA))))
    return tuple(epoch for epoch in powers if epoch < epochs)


class Rung:
    """The trials that came to one rung, as points to be minimised whose first coordinate is the accuracy's loss."""

    def __init__(self) -> None:
        # Of a long search the latest trials tell what the front is by now.
        self._points: deque[Point] = deque(maxlen=MOST)

    def is_dominated(self, point: Point) -> bool:
        """Whether a trial that came here before is as cheap and more accurate."""
        return any(dominates(other, point) for other in self._points)

    def should_continue(self, point: Point) -> bool:
        """Record a trial's point, and judge it by those that came before it."""
        self._points.append(point)
        if len(self._points) < FEWEST:
            return True
        lower, _, upper = statistics.quantiles([first for first, *_ in self._points], n=4)
        tolerant = (point[0] - MARGIN * (upper - lower), *point[1:])
        if not any(dominates(other, tolerant) for other in self._points):
            return True
        return self._is_among_the_first(point, len(self._points) / ETA)

    def record(self, point: Point) -> None:
        """A trial that came to the rung earlier."""
        self._points.append(point)

    def _is_among_the_first(self, point: Point, most: float) -> bool:
        """Whether fewer than `most` trials come before it, front by front."""
        left = list(self._points)
        before = 0
        while before < most:
            members = set(non_dominated(left))
            front = [left[index] for index in members]
            if point in front:
                return before + _farthest_first(front).index(point) < most
            before += len(front)
            left = [each for index, each in enumerate(left) if index not in members]
        return False


def _farthest_first(front: Sequence[Point]) -> list[Point]:
    """An epsilon-net: each next point is the one farthest from those before it, in units of each coordinate's range."""
    spans = [max(column) - min(column) or 1.0 for column in zip(*front, strict=True)]

    def distance(a: Point, b: Point) -> float:
        return math.hypot(*((x - y) / span for x, y, span in zip(a, b, spans, strict=True)))

    order = [min(front)]
    left = [point for point in front if point != order[0]]
    nearest = {point: distance(point, order[0]) for point in left}
    while left:
        following = max(left, key=nearest.__getitem__)
        order.append(following)
        left.remove(following)
        nearest = {point: min(nearest[point], distance(point, following)) for point in left}
    return order
