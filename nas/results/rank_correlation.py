"""Whether early accuracies foretell final ones, as early stopping needs it, and whether training-free features do."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas.objective import ACCURACY, COUNTED_NAMES, FEATURE_PREFIX
from nas.trial import Trial, TrialState

# Of so many latest complete trials, if there are so many.
WINDOW, FEWEST = 60, 12
# Features are looked at among such a part of the trials, too, those with the highest accuracies.
BEST = 4
# Kendall's tau below which an early accuracy is said to foretell little. Trials that were stopped are not among those
# that are compared: these lie close together, and tau is lower than over all.
LOW = 0.2


@dataclass(frozen=True)
class Audit:
    """`tau` is Kendall's rank correlation of the accuracies after `epoch` with the final ones, over `trials` trials."""

    epoch: int
    trials: int
    tau: float

    @property
    def is_low(self) -> bool:
        return self.tau < LOW


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Kendall's tau-b, -1 to 1; 0 of figures that are all the same, which have no ranks."""
    # Slow to import, and of use to searches alone.
    from scipy.stats import kendalltau

    found = float(kendalltau(one, other).statistic)
    return found if found == found else 0.0


def audits(trials: Sequence[Trial], epochs: Sequence[int]) -> list[Audit]:
    """One for each of the epochs that enough complete trials went through."""
    found = []
    for epoch in epochs:
        pairs = [
            (trial.outcome.curve[epoch - 1].accuracy, trial.outcome.accuracy)
            for trial in trials
            if trial.state is TrialState.COMPLETE and trial.outcome is not None and len(trial.outcome.curve) > epoch
        ][-WINDOW:]
        if len(pairs) >= FEWEST:
            found.append(Audit(epoch, len(pairs), rank_correlation(*zip(*pairs, strict=True))))
    return found


@dataclass(frozen=True)
class FeatureRank:
    """Kendall's tau of a training-free feature with the accuracies of so many trials, and of their best quarter. None
    of too few.
    """

    feature: str
    trials: int
    tau: float | None
    tau_of_best: float | None


def feature_ranks(trials: Sequence[Trial]) -> list[FeatureRank]:
    """Of all features that are on record, and of parameters and MACs."""
    of_trials = [trial.outcome.figures for trial in trials if trial.outcome is not None]
    complete = [figures for figures in of_trials if ACCURACY.name in figures]
    recorded = {name for figures in complete for name in figures if name.startswith(FEATURE_PREFIX)}
    found = []
    for name in (*sorted(recorded), *COUNTED_NAMES):
        pairs = [(figures[ACCURACY.name], figures[name]) for figures in complete if name in figures]
        pairs.sort(key=lambda pair: -pair[0])
        best = pairs[: len(pairs) // BEST]
        found.append(FeatureRank(name.removeprefix(FEATURE_PREFIX), len(pairs), _tau(pairs), _tau(best)))
    return found


def _tau(pairs: Sequence[tuple[float, float]]) -> float | None:
    return rank_correlation(*zip(*pairs, strict=True)) if len(pairs) >= FEWEST else None
