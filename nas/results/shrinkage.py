"""What to expect of an architecture whose accuracy was seen with one seed, or with a few: less than the luckiest seed.

Seeds differ by luck, in accuracy much more than in training loss. So an accuracy is drawn towards what the training
loss foretells, along a line through all trials, and what architectures like this one add to that, as far as it is luck
(Fay and Herriot, 1979: empirical Bayes by regression): what is left of a mean over n seeds counts n / (n + w/b), where
w is the variance between seeds of one architecture and b that between architectures.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np

from nas.results.similarity import Floats, leave_one_out_predictions

Number = TypeVar("Number", float, Floats)

# Of the normal distribution: the interquartile range over the standard deviation.
NORMAL_IQR = 1.349
MIN_TRIALS = 4
# So many of the trials with the lowest losses draw the line, and at least so many: far from the front it bends.
BEST, MIN_ON_LINE = 0.5, 8
# What is left of an accuracy is taken for luck with odds of 2 to 1, until further seeds tell: as it was found for
# proxies of two epochs on Fashion-MNIST.
DEFAULT_VARIANCE_RATIO = 0.5


class Line(NamedTuple):
    """A straight line through points; `slope` 0 where there are too few to tell."""

    slope: float
    hint: float
    value: float

    def at(self, hint: Number) -> Number:
        return self.value + self.slope * (hint - self.hint)

    @classmethod
    def through(cls, hints: Sequence[float] | Floats, values: Sequence[float] | Floats) -> "Line | None":
        """Of least squares, through the points with the lowest hints. None where there are too few, or no two differ.

        By the hints and not by the values are they chosen: the best values are the luckiest. A slope that chance might
        give is drawn towards none, by its F statistic (James and Stein, 1961).
        """
        found = np.array([hints, values])
        chosen = np.lexsort(found[::-1])[: max(MIN_ON_LINE, math.ceil(BEST * len(hints)))]
        by, of = found[:, chosen]
        if len(chosen) < MIN_ON_LINE or by[0] == by[-1]:
            return None
        hint, value = float(by.mean()), float(of.mean())
        by_off, of_off = by - hint, of - value
        slope = float(by_off @ of_off / (by_off @ by_off))
        told = slope**2 * float(by_off @ by_off)
        by_chance = float(np.square(of_off - slope * by_off).sum()) / (len(chosen) - 2) / told if told > 0 else 1.0
        return cls(slope * max(0.0, 1.0 - by_chance), hint, value)


class SeedResult(NamedTuple):
    """One training: its accuracy, and its training loss at the end where that is known."""

    accuracy: float
    loss: float | None = None


@dataclass(frozen=True)
class Expectation:
    """The `line` that training losses foretell accuracies by, None where they do not: a flat one at the `middle` of all
    trials is in its place. `share` is how many times the variance between seeds the one between architectures is, by
    what the line and architectures like it leave; `between_seeds` is the former, and `of_accuracies` that of accuracies
    themselves; both are 0 while they are unknown. `alike` is what architectures like it add to the line, for each one
    of those that this was made from.
    """

    line: Line | None = None
    middle: float = 0.0
    between_seeds: float = 0.0
    share: float = math.inf
    of_accuracies: float = 0.0
    alike: tuple[float, ...] = ()

    def __call__(self, own: Sequence[SeedResult], alike: float = 0.0) -> float:
        """Of an architecture that was trained like this, once with each seed."""
        mean = statistics.fmean([each.accuracy for each in own])
        if math.isinf(self.share):
            return mean
        hinted = statistics.fmean([self._hinted(each) for each in own]) + alike
        return hinted + (mean - hinted) * len(own) * self.share / (len(own) * self.share + 1)

    @property
    def deviation(self) -> float:
        """How far from what one seed lets expect an architecture typically is: the posterior's standard deviation."""
        return math.sqrt(self.between_seeds * self.share / (self.share + 1)) if self.between_seeds else 0.0

    def standard_error(self, seeds: int) -> float:
        """The standard error of a mean over this number of seeds; 0 while it is unknown how seeds differ."""
        return math.sqrt(self.of_accuracies / seeds)

    def left(self, seen: SeedResult) -> float:
        """What the training loss does not foretell of an accuracy."""
        return seen.accuracy - self._hinted(seen)

    def _hinted(self, seen: SeedResult) -> float:
        return self.middle if self.line is None or seen.loss is None else self.line.at(seen.loss)


@dataclass(frozen=True)
class ByTrainings(Expectation):
    """Where the search's own accuracies are scores: what was trained since is expected to come to the mean of that.

    Of the others scores are too high by `over_claimed`, as those of what was trained were; and off by `scores_off`.
    """

    over_claimed: float = 0.0
    scores_off: float = 0.0

    def __call__(self, own: Sequence[SeedResult], alike: float = 0.0) -> float:
        score, *trainings = [each.accuracy for each in own]
        return statistics.fmean(trainings) if trainings else score - self.over_claimed

    @property
    def deviation(self) -> float:
        return self.scores_off


def of_scores(trained: Sequence[Sequence[SeedResult]]) -> ByTrainings:
    """From each architecture's score and its trainings since."""
    found = [[each.accuracy for each in own] for own in trained]
    off = [score - statistics.fmean(trainings) for score, *trainings in found if trainings]
    several = [trainings for _, *trainings in found if len(trainings) > 1]
    return ByTrainings(
        of_accuracies=statistics.fmean(map(statistics.variance, several)) if several else 0.0,
        alike=(0.0,) * len(found),
        over_claimed=statistics.fmean(off) if off else 0.0,
        scores_off=statistics.stdev(off) if len(off) > 1 else 0.0,
    )


def fit_shrinkage(trained: Sequence[Sequence[SeedResult]], described: Floats | None = None) -> Expectation:
    """From each architecture's trainings, the search's own first; `described` as nas.results.similarity has it.

    Where losses foretell nothing, and no architecture was trained with further seeds, a mean is expected.
    """
    firsts = [own[0] for own in trained]
    known = [(each.loss, each.accuracy) for each in firsts if each.loss is not None]
    line = Line.through([loss for loss, _ in known], [accuracy for _, accuracy in known])
    nothing = Expectation(alike=(0.0,) * len(trained))
    if len(firsts) < MIN_TRIALS:
        return nothing
    middle = statistics.median(each.accuracy for each in firsts)
    # The search's own seed chose who is trained again, so that the further ones alone tell how seeds differ.
    further = [own[1:] for own in trained if len(own) > 2]
    if not further:
        if line is None:
            return nothing
        initial = Expectation(line, middle, share=DEFAULT_VARIANCE_RATIO)
        return replace(initial, alike=_alike(initial, trained, described))
    # Losses that differ more than they tell are none to go by.
    between_seeds, initial = min(
        (
            (statistics.fmean(statistics.variance(map(by.left, own)) for own in further), by)
            for by in (Expectation(line, middle), Expectation(None, middle))
        ),
        key=lambda pair: pair[0],
    )
    alike = _alike(initial, trained, described)
    if between_seeds == 0.0:
        return replace(initial, alike=alike)
    left = [initial.left(each) - added for each, added in zip(firsts, alike, strict=True)]
    lower, _, upper = statistics.quantiles(left, n=4)
    between_architectures = ((upper - lower) / NORMAL_IQR) ** 2 - between_seeds
    share = max(between_architectures, 0.01 * between_seeds) / between_seeds
    of_accuracies = statistics.fmean(statistics.variance(each.accuracy for each in own) for own in further)
    return Expectation(initial.line, middle, between_seeds, share, of_accuracies, alike)


def _alike(
    initial: Expectation, trained: Sequence[Sequence[SeedResult]], described: Floats | None
) -> tuple[float, ...]:
    """What the architectures tell of each other, beside their losses."""
    if described is None:
        return (0.0,) * len(trained)
    return tuple(
        leave_one_out_predictions(
            described, np.array([statistics.fmean(map(initial.left, own)) for own in trained])
        ).tolist()
    )
