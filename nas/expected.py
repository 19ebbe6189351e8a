"""What to expect of an architecture whose accuracy was seen with one seed, or with a few: less than the luckiest seed.

Empirical Bayes (James and Stein, 1961; Efron and Morris, 1973): a mean over n seeds is drawn towards the middle of all
trials by n / (n + w/b), where w is the variance between seeds of one architecture and b that between architectures.
"""

import statistics
from collections.abc import Callable, Sequence

# Of the normal distribution: the interquartile range over the standard deviation.
NORMAL_IQR = 1.349
FEWEST_TRIALS = 4


def expectation(accuracies: Sequence[Sequence[float]]) -> Callable[[Sequence[float]], float]:
    """From each architecture's accuracies, the search's own first, to the function that gives one's expected accuracy.

    Until architectures were trained with further seeds the variance between seeds is unknown, and the mean it is.
    """
    firsts = [own[0] for own in accuracies]
    # The search's own seed chose who is trained again, so that the further ones alone tell how seeds differ.
    spreads = [statistics.variance(own[1:]) for own in accuracies if len(own) > 2]
    if not spreads or len(firsts) < FEWEST_TRIALS:
        return statistics.fmean
    lower, middle, upper = statistics.quantiles(firsts, n=4)
    between_seeds = statistics.fmean(spreads)
    between_architectures = ((upper - lower) / NORMAL_IQR) ** 2 - between_seeds

    def expected(own: Sequence[float]) -> float:
        mean = statistics.fmean(own)
        if between_seeds == 0.0:
            return mean
        share = max(between_architectures, 0.01 * between_seeds) / between_seeds
        return middle + (mean - middle) * len(own) * share / (len(own) * share + 1)

    return expected
