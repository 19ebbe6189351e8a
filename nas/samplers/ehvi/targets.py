"""What observations tell of the dear loss: complete ones what they came to, stopped ones what their curves foretell."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.samplers.ehvi.curves import Extrapolation, continuation, less_luck
from nas.samplers.ehvi.encoding import Row
from nas.samplers.ehvi.history import Observation

Floats = NDArray[np.float64]


class PredictedTarget(NamedTuple):
    """The dear loss of a stopped trial, and how far off that typically is."""

    place: int
    row: Row
    loss: float
    deviation: float


class Targets:
    """By observations in the order in which they were made, at least one of them complete.

    `losses` are those of the complete ones, (trials, objectives), the dear one first and less of it luck; `places` are
    where these are among the observations.
    """

    def __init__(self, observations: Sequence[Observation]) -> None:
        losses = np.array([each.losses for each in observations])
        is_complete = np.isfinite(losses).all(1)
        self.places = np.flatnonzero(is_complete).tolist()
        self.complete = [observations[place] for place in self.places]
        self.rows = [each.row for each in self.complete]
        self.losses: Floats = losses[is_complete]
        self.losses[:, 0] = less_luck(self.losses[:, 0], [each.curve for each in self.complete])
        stopped = np.flatnonzero(np.isnan(losses[:, 0])).tolist()
        self.stopped = list(self._foretold(stopped, observations))

    def _foretold(self, stopped: Sequence[int], observations: Sequence[Observation]) -> Iterator[PredictedTarget]:
        ends: dict[int, Extrapolation | None] = {}
        for place in stopped:
            each = observations[place]
            if epoch := len(each.curve):
                if epoch not in ends:
                    ends[epoch] = continuation(epoch, self.complete, self.losses[:, 0])
                if (end := ends[epoch]) is not None:
                    yield PredictedTarget(place, each.row, end.of(each.curve[-1]), end.deviation)
