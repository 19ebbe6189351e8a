"""Rank correlation: how well early accuracies (for early stopping) and training-free features rank trials."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas.objective import ACCURACY, COUNTED_NAMES, FEATURE_PREFIX
from nas.trial import Trial, TrialState

# A rank check covers at most WINDOW complete trials, the latest ones.
WINDOW, MIN_TRIALS_TO_RANK = 60, 12
# Features are also ranked among the most accurate 1 / BEST_PART of the trials.
BEST_PART = 4
# Kendall's tau below which an early accuracy is reported to predict little. Stopped trials are not among those that are
# compared: complete trials lie close together, and tau is lower than over all.
LOW_TAU = 0.2


@dataclass(frozen=True)
class RankCheck:
    """`tau` is Kendall's rank correlation of the accuracies after `epoch` with the final ones, over `trials` trials."""

    epoch: int
    trials: int
    tau: float

    @property
    def is_low(self) -> bool:
        return self.tau < LOW_TAU


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Return Kendall's tau-b, -1 to 1; 0 when all values of one sequence are equal and have no ranks."""
    # Imported here: scipy is slow to import, and only searches need it.
    from scipy.stats import kendalltau

    tau = float(kendalltau(one, other).statistic)
    return tau if tau == tau else 0.0


def rank_checks(trials: Sequence[Trial], epochs: Sequence[int]) -> list[RankCheck]:
    """Return one check for each of the epochs that enough complete trials went through."""
    checks = []
    for epoch in epochs:
        pairs = [
            (trial.outcome.curve[epoch - 1].accuracy, trial.outcome.accuracy)
            for trial in trials
            if trial.state is TrialState.COMPLETE and trial.outcome is not None and len(trial.outcome.curve) > epoch
        ][-WINDOW:]
        if len(pairs) >= MIN_TRIALS_TO_RANK:
            checks.append(RankCheck(epoch, len(pairs), rank_correlation(*zip(*pairs, strict=True))))
    return checks


@dataclass(frozen=True)
class FeatureRank:
    """Kendall's tau of a training-free feature with the accuracies of `trials` trials, and of the best quarter of them.

    A tau over too few trials is None.
    """

    feature: str
    trials: int
    tau: float | None
    tau_of_best: float | None


def feature_ranks(trials: Sequence[Trial]) -> list[FeatureRank]:
    """Return the ranks of all recorded features, and of parameters and MACs."""
    outcomes = [trial.outcome.figures for trial in trials if trial.outcome is not None]
    complete = [figures for figures in outcomes if ACCURACY.name in figures]
    recorded = {name for figures in complete for name in figures if name.startswith(FEATURE_PREFIX)}
    ranks = []
    for name in (*sorted(recorded), *COUNTED_NAMES):
        pairs = [(figures[ACCURACY.name], figures[name]) for figures in complete if name in figures]
        pairs.sort(key=lambda pair: -pair[0])
        best = pairs[: len(pairs) // BEST_PART]
        ranks.append(FeatureRank(name.removeprefix(FEATURE_PREFIX), len(pairs), _tau(pairs), _tau(best)))
    return ranks


def _tau(pairs: Sequence[tuple[float, float]]) -> float | None:
    return rank_correlation(*zip(*pairs, strict=True)) if len(pairs) >= MIN_TRIALS_TO_RANK else None
