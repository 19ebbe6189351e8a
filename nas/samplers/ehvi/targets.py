"""The surrogate's targets for the expensive loss: measured for complete observations, predicted for stopped ones."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.samplers.ehvi.curves import Extrapolation, fit_extrapolation, shrunk_losses
from nas.samplers.ehvi.encoding import Row
from nas.samplers.ehvi.history import Observation

Floats = NDArray[np.float64]


class PredictedTarget(NamedTuple):
    """The predicted expensive loss of a stopped trial, its standard deviation, and the observation's position."""

    position: int
    row: Row
    loss: float
    sd: float


class Targets:
    """The targets of observations in the order in which they were made, at least one of them complete.

    `losses` are those of the complete ones, (trials, objectives), the expensive one first and shrunk. `indices` are the
    complete ones' among the observations.
    """

    def __init__(self, observations: Sequence[Observation]) -> None:
        losses = np.array([observation.losses for observation in observations])
        is_complete = np.isfinite(losses).all(1)
        self.indices = np.flatnonzero(is_complete).tolist()
        self.complete = [observations[index] for index in self.indices]
        self.rows = [observation.row for observation in self.complete]
        self.losses: Floats = losses[is_complete]
        self.losses[:, 0] = shrunk_losses(self.losses[:, 0], [observation.curve for observation in self.complete])
        stopped = np.flatnonzero(np.isnan(losses[:, 0])).tolist()
        self.stopped = list(self._predict(stopped, observations))

    def _predict(self, stopped: Sequence[int], observations: Sequence[Observation]) -> Iterator[PredictedTarget]:
        extrapolations: dict[int, Extrapolation | None] = {}
        for index in stopped:
            observation = observations[index]
            if epoch := len(observation.curve):
                if epoch not in extrapolations:
                    extrapolations[epoch] = fit_extrapolation(epoch, self.complete, self.losses[:, 0])
                if (extrapolation := extrapolations[epoch]) is not None:
                    predicted = extrapolation.predict(observation.curve[-1])
                    yield PredictedTarget(index, observation.row, predicted, extrapolation.sd)
