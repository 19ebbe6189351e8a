"""What to expect of an architecture whose accuracy was seen with one seed, or with a few: less than the luckiest seed.

Empirical Bayes (James and Stein, 1961; Efron and Morris, 1973): a mean over n seeds is drawn towards the middle of all
trials by n / (n + w/b), where w is the variance between seeds of one architecture and b that between architectures.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

# Of the normal distribution: the interquartile range over the standard deviation.
NORMAL_IQR = 1.349
FEWEST_TRIALS = 4


@dataclass(frozen=True)
class Expectation:
    """`middle` of all trials; the variance `between_seeds` of one architecture, 0 while it is unknown, and `share`, how
    many times that the variance between architectures is.
    """

    middle: float = 0.0
    between_seeds: float = 0.0
    share: float = 0.0

    def __call__(self, own: Sequence[float]) -> float:
        """Of an architecture with these accuracies, one for each seed."""
        mean = statistics.fmean(own)
        if self.between_seeds == 0.0:
            return mean
        return self.middle + (mean - self.middle) * len(own) * self.share / (len(own) * self.share + 1)

    @property
    def deviation(self) -> float:
        """How far from what one seed lets expect an architecture typically is: the posterior's standard deviation."""
        return math.sqrt(self.between_seeds * self.share / (self.share + 1))


def expectation(accuracies: Sequence[Sequence[float]]) -> Expectation:
    """From each architecture's accuracies, the search's own first.

    Until architectures were trained with further seeds the variance between seeds is unknown, and a mean is expected.
    """
    firsts = [own[0] for own in accuracies]
    # The search's own seed chose who is trained again, so that the further ones alone tell how seeds differ.
    spreads = [statistics.variance(own[1:]) for own in accuracies if len(own) > 2]
    if not spreads or len(firsts) < FEWEST_TRIALS:
        return Expectation()
    lower, middle, upper = statistics.quantiles(firsts, n=4)
    between_seeds = statistics.fmean(spreads)
    if between_seeds == 0.0:
        return Expectation()
    between_architectures = ((upper - lower) / NORMAL_IQR) ** 2 - between_seeds
    return Expectation(middle, between_seeds, max(between_architectures, 0.01 * between_seeds) / between_seeds)
