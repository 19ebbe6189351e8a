"""The accuracy that a running trial must still be able to reach, where the user accepts no less (`--min-accuracy`).

Complete trials show how much accuracy is gained from a rung to the end. A trial that would stay below the least
accuracy even with the largest of these gains is not worth its remaining epochs, whatever the sampler expects of it.
"""

from collections.abc import Sequence

from nas.trial import Outcome

# Fewer complete trials do not show how much may be gained.
MIN_COMPLETE_TRIALS = 8
# Sums and differences of accuracies differ by less.
ROUNDING = 1e-9


class AccuracyBound:
    """Judges trials at the epochs `rungs` by the gains of complete trials; `min_accuracy` is the least accuracy."""

    def __init__(self, min_accuracy: float, rungs: Sequence[int]) -> None:
        self._min_accuracy = min_accuracy
        self._complete_count = 0
        # The largest gain in accuracy from a rung to the end, which is never below 0.
        self._gains = dict.fromkeys(rungs, 0.0)

    def record(self, outcome: Outcome) -> None:
        """Record the end of a trial; only those that are complete and have a learning curve teach anything."""
        if outcome.accuracy is None or not outcome.curve:
            return
        self._complete_count += 1
        for epoch, gain in self._gains.items():
            if epoch <= len(outcome.curve):
                self._gains[epoch] = max(gain, outcome.accuracy - outcome.curve[epoch - 1].accuracy)

    def is_within_reach(self, outcome: Outcome) -> bool:
        """Whether a trial that has got to a rung can reach the least accuracy; yes while too few are complete."""
        gain = self._gains.get(len(outcome.curve))
        if gain is None or self._complete_count < MIN_COMPLETE_TRIALS:
            return True
        return outcome.curve[-1].accuracy + gain >= self._min_accuracy - ROUNDING
