"""Whether early accuracies foretell final ones, as early stopping needs it, and whether training-free features do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nas.objective import MACS, PARAMETERS
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
    """Kendall's tau of a training-free feature with the accuracies of so many trials, and of their best quarter."""

    feature: str
    trials: int
    tau: float
    tau_of_best: float


def feature_ranks(trials: Sequence[Trial], settings: Mapping[str, Any]) -> list[FeatureRank]:
    """Of features that the study was asked for and those that are counted anyway, each that FEWEST trials have."""
    names = dict.fromkeys((*settings.get("features", ()), PARAMETERS.name, MACS.name))
    found = []
    for name in names:
        pairs = [
            (trial.outcome.accuracy, trial.outcome.figures[name])
            for trial in trials
            if trial.outcome is not None and trial.outcome.accuracy is not None and name in trial.outcome.figures
        ]
        if len(pairs) >= FEWEST:
            pairs.sort(key=lambda pair: -pair[0])
            tau, of_best = (rank_correlation(*zip(*some, strict=True)) for some in (pairs, pairs[: len(pairs) // BEST]))
            found.append(FeatureRank(name, len(pairs), tau, of_best))
    return found
