"""Whether early accuracies foretell the final ones: what early stopping relies on, looked at as the search goes on."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas.trial import Trial, TrialState

# Of so many latest complete trials, if there are so many.
WINDOW, FEWEST = 60, 12
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
