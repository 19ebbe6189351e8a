"""Shrinkage: estimates of an architecture's accuracy from one or a few seeds, below the luckiest seed's.

Seeds differ by luck, in accuracy much more than in training loss. So an accuracy is shrunk towards a prediction: the
line through all trials' training losses and accuracies, plus what similar architectures add to it (empirical Bayes by
regression: Fay and Herriot, 1979). The residual of a mean over n seeds is weighted with n / (n + w/b), where w is the
variance between seeds of one architecture and b that between architectures.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np

from nas.results.similarity import Floats, leave_one_out_predictions

Number = TypeVar("Number", float, Floats)

# The interquartile range of a normal distribution over its standard deviation.
NORMAL_IQR = 1.349
MIN_TRIALS = 4
# The line is fitted to this share of the trials, those with the lowest losses, and to at least MIN_ON_LINE: far from
# the front it bends.
LOW_LOSS_SHARE, MIN_ON_LINE = 0.5, 8
# The variance ratio until further seeds are known: a residual is luck with odds of 2 to 1, as measured for proxies of
# two epochs on Fashion-MNIST.
DEFAULT_VARIANCE_RATIO = 0.5


class Line(NamedTuple):
    """A straight line through (x, y); `slope` is 0 where chance explains it."""

    slope: float
    x: float
    y: float

    def at(self, x: Number) -> Number:
        return self.y + self.slope * (x - self.x)

    @classmethod
    def through(cls, xs: Sequence[float] | Floats, ys: Sequence[float] | Floats) -> "Line | None":
        """Fit by least squares the points with the lowest x; None where there are too few, or no two differ in x.

        Points are selected by x and not by y: the best y are the luckiest. A slope that chance could produce is shrunk
        towards 0, by its F statistic (James and Stein, 1961).
        """
        points = np.array([xs, ys])
        lowest = np.lexsort(points[::-1])[: max(MIN_ON_LINE, math.ceil(LOW_LOSS_SHARE * len(xs)))]
        x, y = points[:, lowest]
        if len(lowest) < MIN_ON_LINE or x[0] == x[-1]:
            return None
        x_mean, y_mean = float(x.mean()), float(y.mean())
        x_centered, y_centered = x - x_mean, y - y_mean
        slope = float(x_centered @ y_centered / (x_centered @ x_centered))
        explained = slope**2 * float(x_centered @ x_centered)
        residual = float(np.square(y_centered - slope * x_centered).sum())
        chance = residual / (len(lowest) - 2) / explained if explained > 0 else 1.0
        return cls(slope * max(0.0, 1.0 - chance), x_mean, y_mean)


class SeedResult(NamedTuple):
    """One training: its accuracy, and its final training loss where that is known."""

    accuracy: float
    loss: float | None = None


@dataclass(frozen=True)
class ShrinkageEstimator:
    """Estimates accuracies from trainings with one or more seeds.

    `line` predicts accuracies from training losses; None where losses predict nothing, and the `median` of all trials
    replaces it. `seed_variance` is the variance between seeds of the residuals, `variance_ratio` the variance between
    architectures over it, and `accuracy_variance` the variance between seeds of the accuracies; both variances are 0
    while unknown. `similarity` is what similar architectures add to the prediction, for each architecture of the fit.
    """

    line: Line | None = None
    median: float = 0.0
    seed_variance: float = 0.0
    variance_ratio: float = math.inf
    accuracy_variance: float = 0.0
    similarity: tuple[float, ...] = ()

    def __call__(self, runs: Sequence[SeedResult], similarity: float = 0.0) -> float:
        """Estimate the accuracy of an architecture from its trainings, one for each seed."""
        mean = statistics.fmean([run.accuracy for run in runs])
        if math.isinf(self.variance_ratio):
            return mean
        predicted = statistics.fmean([self._predicted(run) for run in runs]) + similarity
        return predicted + (mean - predicted) * len(runs) * self.variance_ratio / (len(runs) * self.variance_ratio + 1)

    @property
    def accuracy_sd(self) -> float:
        """The posterior standard deviation of an architecture's accuracy, given one seed; 0 while unknown."""
        if self.seed_variance == 0.0:
            return 0.0
        return math.sqrt(self.seed_variance * self.variance_ratio / (self.variance_ratio + 1))

    def standard_error(self, seeds: int) -> float:
        """Return the standard error of a mean accuracy over this number of seeds; 0 while unknown."""
        return math.sqrt(self.accuracy_variance / seeds)

    def residual(self, run: SeedResult) -> float:
        """Return the accuracy less its prediction from the training loss."""
        return run.accuracy - self._predicted(run)

    def _predicted(self, run: SeedResult) -> float:
        return self.median if self.line is None or run.loss is None else self.line.at(run.loss)


@dataclass(frozen=True)
class ScoreEstimator(ShrinkageEstimator):
    """Estimates accuracies where the search's own are supernet scores: the mean over the retrainings, if any.

    Other scores are reduced by `score_bias`, the mean of score less retrained accuracy; `retrain_sd` is the standard
    deviation of that difference.
    """

    score_bias: float = 0.0
    retrain_sd: float = 0.0

    def __call__(self, runs: Sequence[SeedResult], similarity: float = 0.0) -> float:
        score, *retrained = [run.accuracy for run in runs]
        return statistics.fmean(retrained) if retrained else score - self.score_bias

    @property
    def accuracy_sd(self) -> float:
        return self.retrain_sd


def fit_scores(trained: Sequence[Sequence[SeedResult]]) -> ScoreEstimator:
    """Fit an estimator to each architecture's score, which comes first, and its retrainings."""
    accuracies = [[run.accuracy for run in runs] for runs in trained]
    differences = [score - statistics.fmean(retrained) for score, *retrained in accuracies if retrained]
    repeated = [retrained for _, *retrained in accuracies if len(retrained) > 1]
    return ScoreEstimator(
        accuracy_variance=statistics.fmean(map(statistics.variance, repeated)) if repeated else 0.0,
        similarity=(0.0,) * len(accuracies),
        score_bias=statistics.fmean(differences) if differences else 0.0,
        retrain_sd=statistics.stdev(differences) if len(differences) > 1 else 0.0,
    )


def fit_shrinkage(trained: Sequence[Sequence[SeedResult]], columns: Floats | None = None) -> ShrinkageEstimator:
    """Fit an estimator to each architecture's trainings, the search's own first.

    `columns` are the features of nas.results.similarity. Where losses predict nothing and no architecture was trained
    with further seeds, estimates are plain means.
    """
    firsts = [runs[0] for runs in trained]
    with_loss = [(run.loss, run.accuracy) for run in firsts if run.loss is not None]
    line = Line.through([loss for loss, _ in with_loss], [accuracy for _, accuracy in with_loss])
    plain_mean = ShrinkageEstimator(similarity=(0.0,) * len(trained))
    if len(firsts) < MIN_TRIALS:
        return plain_mean
    median = statistics.median(run.accuracy for run in firsts)
    # The search's own seed decided who is trained again, so only the further ones tell how seeds differ.
    further = [runs[1:] for runs in trained if len(runs) > 2]
    if not further:
        if line is None:
            return plain_mean
        initial = ShrinkageEstimator(line, median, variance_ratio=DEFAULT_VARIANCE_RATIO)
        return replace(initial, similarity=_similarity(initial, trained, columns))
    # Losses that vary between seeds more than they explain are not used.
    seed_variance, initial = min(
        (
            (statistics.fmean(statistics.variance(map(candidate.residual, runs)) for runs in further), candidate)
            for candidate in (ShrinkageEstimator(line, median), ShrinkageEstimator(None, median))
        ),
        key=lambda pair: pair[0],
    )
    similarity = _similarity(initial, trained, columns)
    if seed_variance == 0.0:
        return replace(initial, similarity=similarity)
    residuals = [initial.residual(run) - added for run, added in zip(firsts, similarity, strict=True)]
    lower, _, upper = statistics.quantiles(residuals, n=4)
    architecture_variance = ((upper - lower) / NORMAL_IQR) ** 2 - seed_variance
    variance_ratio = max(architecture_variance, 0.01 * seed_variance) / seed_variance
    accuracy_variance = statistics.fmean(statistics.variance(run.accuracy for run in runs) for runs in further)
    return ShrinkageEstimator(initial.line, median, seed_variance, variance_ratio, accuracy_variance, similarity)


def _similarity(
    initial: ShrinkageEstimator, trained: Sequence[Sequence[SeedResult]], columns: Floats | None
) -> tuple[float, ...]:
    """Predict each architecture's mean residual from the others; zeros without features."""
    if columns is None:
        return (0.0,) * len(trained)
    residuals = np.array([statistics.fmean(map(initial.residual, runs)) for runs in trained])
    return tuple(leave_one_out_predictions(columns, residuals).tolist())
