"""The ladder of fidelities of a study, and predictions of accuracies at its top from those at its lower rungs.

Rung 0 is that of the trials, the last one the target training, by which the front is judged. From each rung to the next
the logarithm of the error changes by a linear function of that logarithm and of the architecture's features (mixers and
sizes): attention, for one, learns slowly, and short trainings are unfair to it. Its weights are those of Bayesian
linear regression (Bishop, Pattern Recognition and Machine Learning, 3.3), whose two variances maximise the evidence.
Predictions climb rung by rung, as in the autoregressive model of Kennedy and O'Hagan (2000).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from nas.trial import Confirmation, Fidelity, Trial

# The name under which it is among a study's settings, where there is one: its rungs as [images, epochs].
LADDER_SETTING = "ladder"
Floats = NDArray[np.float64]
# Prior standard deviations, in units of the standard deviation of log errors at the lower rung: of the change that all
# have in common, of the slope's deviation from 1, and of the features' joint effect.
SHIFT_SD, SLOPE_SD = 3.0, 0.5
FEATURE_SDS = (0.03, 0.1, 0.3, 1.0)
NOISE_SDS = (0.1, 0.2, 0.4, 0.8)
# Without any architecture at both rungs these are assumed.
ASSUMED_FEATURE_SD, ASSUMED_NOISE_SD = 0.1, 0.4
MIN_ERROR, MIN_SPREAD = 1e-3, 0.02


@dataclass(frozen=True)
class Ladder:
    """The fidelities that a candidate's trainings climb, from that of the trials to the target."""

    rungs: tuple[Fidelity, ...]

    @property
    def target(self) -> Fidelity:
        return self.rungs[-1]

    @classmethod
    def from_setting(cls, rungs: Sequence[Sequence[int]]) -> Self:
        """The inverse of `as_setting`."""
        return cls(tuple(Fidelity(images, epochs) for images, epochs in rungs))

    def as_setting(self) -> list[list[int]]:
        return [[rung.images, rung.epochs] for rung in self.rungs]

    def final(self, trial: Trial) -> Confirmation | None:
        """The trial's training at the target; None where there is none with an accuracy."""
        finals = [further for further in trial.confirmations if further.fidelity == self.target]
        return next((final for final in finals if final.outcome.accuracy is not None), None)

    def accuracies(self, trial: Trial) -> list[float | None]:
        """The trial's accuracy at each rung; None where it was not trained."""
        own = None if trial.outcome is None else trial.outcome.accuracy
        climbed = {confirmation.fidelity: confirmation.outcome.accuracy for confirmation in trial.confirmations}
        return [own, *(climbed.get(rung) for rung in self.rungs[1:])]


class Prediction(NamedTuple):
    """The predicted accuracy at the target: mean and standard deviation."""

    mean: float
    sd: float


def standard_error(final: Confirmation | None) -> float:
    """The standard error of an accuracy by one training at the target; 0 without one, or of unknown images.

    The images that judge it and the seed are taken to contribute equally; the table of real trainings
    (benchmarks/real) is too short yet to say how much a seed does.
    """
    if final is None or not final.outcome.curve or not (images := final.outcome.curve[-1].images):
        return 0.0
    accuracy = final.outcome.curve[-1].accuracy
    return math.sqrt(2 * accuracy * (1 - accuracy) / images)


def predict_targets(accuracies: Sequence[Sequence[float | None]], columns: Floats) -> list[Prediction]:
    """Predict each trial's accuracy at the target from `accuracies`, one for each rung or None, the first one known.

    `columns` are the architectures' features, (trials, features), in standard units.
    """
    errors = np.array([[math.nan if value is None else 1 - value for value in row] for row in accuracies], float)
    logs = np.log(np.maximum(errors, MIN_ERROR))
    means, variances = logs[:, 0], np.zeros(len(logs))
    for rung in range(1, logs.shape[1]):
        means, variances = _climb(means, variances, logs[:, rung], columns)
    # Of a log-normal error.
    predicted = np.exp(means + variances / 2)
    sds = predicted * np.sqrt(np.expm1(np.minimum(variances, 1.0)))
    return [Prediction(float(1 - error), float(sd)) for error, sd in zip(predicted, sds, strict=True)]


def _climb(below: Floats, variances: Floats, above: Floats, columns: Floats) -> tuple[Floats, Floats]:
    """Predict log errors at the rung above from means and variances below; those known above are as they are."""
    known = ~np.isnan(above) & (variances == 0)
    spread = max(MIN_SPREAD, float(below.std()))
    standard = (below - below.mean()) / spread
    inputs = np.column_stack((np.ones(len(below)), standard, columns / math.sqrt(max(1, columns.shape[1]))))
    targets = (above - below)[known] / spread
    feature_sd, noise_sd = _variances(inputs[known], targets)
    prior = _prior(inputs.shape[1], feature_sd)
    if not known.any():
        # What all have in common is not known, and changes no comparison.
        prior[0] = 0.0
    mean, covariance = _posterior(inputs[known], targets, prior, noise_sd)
    changes = inputs @ mean
    uncertainty = np.einsum("nf,fg,ng->n", inputs, covariance, inputs) + noise_sd**2
    means = below + spread * changes
    sums = spread**2 * uncertainty + (1 + mean[1]) ** 2 * variances
    is_known = ~np.isnan(above)
    return np.where(is_known, above, means), np.where(is_known, 0.0, sums)


def _prior(inputs: int, feature_sd: float) -> Floats:
    """The prior variances of the weights."""
    return np.array([SHIFT_SD**2, SLOPE_SD**2, *[feature_sd**2] * (inputs - 2)])


def _variances(inputs: Floats, targets: Floats) -> tuple[float, float]:
    """The standard deviations of features' effects and of noise that maximise the evidence."""
    if not len(targets):
        return ASSUMED_FEATURE_SD, ASSUMED_NOISE_SD

    def evidence(sds: tuple[float, float]) -> float:
        feature_sd, noise_sd = sds
        covariance = (inputs * _prior(inputs.shape[1], feature_sd)) @ inputs.T + noise_sd**2 * np.eye(len(targets))
        _, log_determinant = np.linalg.slogdet(covariance)
        # Around the assumed values, lest few architectures that happen to agree promise too much.
        surprise = math.log(feature_sd / ASSUMED_FEATURE_SD) ** 2 + math.log(noise_sd / ASSUMED_NOISE_SD) ** 2
        return float(-0.5 * (log_determinant + targets @ np.linalg.solve(covariance, targets)) - 0.5 * surprise)

    return max(((feature_sd, noise_sd) for feature_sd in FEATURE_SDS for noise_sd in NOISE_SDS), key=evidence)


def _posterior(inputs: Floats, targets: Floats, prior: Floats, noise_sd: float) -> tuple[Floats, Floats]:
    """The mean and covariance of the weights."""
    cross = prior[:, None] * inputs.T
    gram = inputs @ cross + noise_sd**2 * np.eye(len(targets))
    solved = np.linalg.solve(gram, cross.T) if len(targets) else np.zeros((0, len(prior)))
    covariance = np.diag(prior) - cross @ solved
    return solved.T @ targets, covariance
