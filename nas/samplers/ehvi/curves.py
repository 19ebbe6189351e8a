"""What the beginning of a learning curve tells of its end, by how the complete trials went on from there."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.results.shrinkage import SHARE, Line
from nas.samplers.ehvi.history import Observation

# So many complete trials must tell how curves go on.
FEWEST = 8
Floats = NDArray[np.float64]


def less_luck(losses: Floats, curves: Sequence[Sequence[float]]) -> Floats:
    """The final losses, drawn towards what the ends of their curves foretell, as far as the rest is likely luck.

    As nas.results.shrinkage does with accuracies for a front.
    """
    ends = np.array([curve[-1] if curve else np.nan for curve in curves])
    known = ~np.isnan(ends)
    line = Line.through(ends[known], losses[known])
    if line is None:
        return losses
    foretold = line.at(ends)
    return np.where(known, foretold + (losses - foretold) * SHARE / (SHARE + 1), losses)


class Extrapolation(NamedTuple):
    """What to expect of the final loss by the curve's last point at some epoch: a straight line; and how far off."""

    slope: float
    early: float
    final: float
    deviation: float

    def of(self, last: float) -> float:
        return self.final + self.slope * (last - self.early)


def continuation(epoch: int, complete: Sequence[Observation], losses: Floats) -> Extrapolation | None:
    """How curves that were stopped after an epoch go on; None while too little is known.

    By a straight line through the complete trials, the curve at the same epoch against the final loss, which is drawn
    towards one of perfect correlation where there are few.
    """
    pairs = [
        (each.curve[epoch - 1], loss) for each, loss in zip(complete, losses, strict=True) if len(each.curve) >= epoch
    ]
    if len(pairs) < FEWEST:
        return None
    early, final = np.array(pairs).T
    early_off, final_off = early - early.mean(), final - final.mean()
    ridge = early_off.var() + 1e-12
    slope = (early_off @ final_off + ridge * final_off.std() / np.sqrt(ridge)) / (early_off @ early_off + ridge)
    left = final_off - slope * early_off
    deviation = float(np.sqrt(left @ left / (len(pairs) - 2)))
    return Extrapolation(float(slope), float(early.mean()), float(final.mean()), deviation)


def evidence(last: float, early: Floats, final: Floats) -> tuple[float, float] | None:
    """What a curve's last loss by itself says of the final one, and its variance; None where it says nothing.

    The line of the complete trials' losses after that epoch, `early`, by their `final` ones, read backwards (classical
    calibration: Eisenhart, 1939): unlike a prediction it is not drawn to the middle, which whoever has an expectation
    of the trial does by it.
    """
    if len(early) < FEWEST:
        return None
    early_off, final_off = early - early.mean(), final - final.mean()
    slope = (final_off @ early_off) / (final_off @ final_off + 1e-12)
    if slope <= 1e-9:
        return None
    left = early_off - slope * final_off
    variance = float(left @ left) / (len(early) - 2) / slope**2
    return float(final.mean() + (last - early.mean()) / slope), variance + 1e-9
