"""Prediction of final losses from the beginnings of learning curves, by the curves of the complete trials."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.results.shrinkage import DEFAULT_VARIANCE_RATIO, Line
from nas.samplers.ehvi.history import Observation

# Complete trials that a prediction needs.
MIN_CURVES = 8
Floats = NDArray[np.float64]


def shrunk_losses(losses: Floats, curves: Sequence[Sequence[float]]) -> Floats:
    """Shrink final losses towards what the ends of their curves predict, as far as the rest is likely luck.

    nas.results.shrinkage does the same with the accuracies of a front.
    """
    ends = np.array([curve[-1] if curve else np.nan for curve in curves])
    known = ~np.isnan(ends)
    line = Line.through(ends[known], losses[known])
    if line is None:
        return losses
    predicted = line.at(ends)
    return np.where(
        known, predicted + (losses - predicted) * DEFAULT_VARIANCE_RATIO / (DEFAULT_VARIANCE_RATIO + 1), losses
    )


class Extrapolation(NamedTuple):
    """A straight line from the curve at some epoch, `early`, to the final loss, and the residuals' standard deviation.

    The line passes through the means `early` and `final`.
    """

    slope: float
    early: float
    final: float
    sd: float

    def predict(self, last: float) -> float:
        return self.final + self.slope * (last - self.early)


def fit_extrapolation(epoch: int, complete: Sequence[Observation], losses: Floats) -> Extrapolation | None:
    """Fit the final `losses` of the complete trials to their curves at `epoch`; None for fewer than MIN_CURVES curves.

    The line is drawn towards one of perfect correlation where there are few.
    """
    trials = zip(complete, losses, strict=True)
    pairs = [(trial.curve[epoch - 1], loss) for trial, loss in trials if len(trial.curve) >= epoch]
    if len(pairs) < MIN_CURVES:
        return None
    early, final = np.array(pairs).T
    early_centred, final_centred = early - early.mean(), final - final.mean()
    ridge = early_centred.var() + 1e-12
    slope = (early_centred @ final_centred + ridge * final_centred.std() / np.sqrt(ridge)) / (
        early_centred @ early_centred + ridge
    )
    residuals = final_centred - slope * early_centred
    sd = float(np.sqrt(residuals @ residuals / (len(pairs) - 2)))
    return Extrapolation(float(slope), float(early.mean()), float(final.mean()), sd)


def calibrated_estimate(last: float, early: Floats, final: Floats) -> tuple[float, float] | None:
    """Estimate the final loss from a curve's last loss alone, with its variance; None where curves say nothing of it.

    The regression of the complete trials' losses after that epoch, `early`, on their `final` ones, inverted (classical
    calibration: Eisenhart, 1939). Unlike a prediction the estimate is not drawn to the mean; the prior that it is
    combined with does that.
    """
    if len(early) < MIN_CURVES:
        return None
    early_centred, final_centred = early - early.mean(), final - final.mean()
    slope = (final_centred @ early_centred) / (final_centred @ final_centred + 1e-12)
    if slope <= 1e-9:
        return None
    residuals = early_centred - slope * final_centred
    variance = float(residuals @ residuals) / (len(early) - 2) / slope**2
    return float(final.mean() + (last - early.mean()) / slope), variance + 1e-9
