"""Expected accuracies: lucky single seeds are drawn to what losses foretell, order among equals is kept."""

import random
import statistics

from hypothesis import given
from hypothesis import strategies as st

from nas.results.shrinkage import Line, SeedResult, fit_shrinkage

fractions = st.floats(0, 1)


def unhinted(accuracies: list[list[float]]) -> list[list[SeedResult]]:
    return [[SeedResult(accuracy) for accuracy in own] for own in accuracies]


@given(st.lists(fractions, min_size=1, max_size=20))
def test_without_further_seeds_and_losses_it_is_the_accuracy(firsts: list[float]) -> None:
    expected = fit_shrinkage(unhinted([[first] for first in firsts]))
    assert [expected([SeedResult(first)]) for first in firsts] == firsts


@given(st.lists(st.lists(fractions, min_size=1, max_size=4), min_size=1, max_size=20))
def test_it_lies_between_the_mean_and_the_middle(accuracies: list[list[float]]) -> None:
    expected = fit_shrinkage(unhinted(accuracies))
    middle = statistics.median([own[0] for own in accuracies])
    for own in accuracies:
        mean = statistics.fmean(own)
        found = expected([SeedResult(each) for each in own])
        assert min(mean, middle) - 1e-9 <= found <= max(mean, middle) + 1e-9


@given(st.lists(st.lists(fractions, min_size=1, max_size=4), min_size=4, max_size=20))
def test_of_equally_many_seeds_the_better_mean_is_expected_to_be_better(accuracies: list[list[float]]) -> None:
    expected = fit_shrinkage(unhinted(accuracies))
    singles = sorted(own[0] for own in accuracies if len(own) == 1)
    values = [expected([SeedResult(own)]) for own in singles]
    assert values == sorted(values)


def error(estimate, trained: list[list[SeedResult]], truths: list[float]) -> float:
    return statistics.fmean((estimate(own) - truth) ** 2 for own, truth in zip(trained, truths, strict=True))


def mean(own: list[SeedResult]) -> float:
    return statistics.fmean(each.accuracy for each in own)


def test_it_is_nearer_to_the_truth_than_the_mean() -> None:
    draws = random.Random(0)
    truths = [draws.gauss(0.9, 0.01) for _ in range(300)]
    trained = [
        [SeedResult(draws.gauss(truth, 0.015)) for _ in range(1 if i % 5 else 3)] for i, truth in enumerate(truths)
    ]
    assert error(fit_shrinkage(trained), trained, truths) < 0.7 * error(mean, trained, truths)


def hinted(truth: float, draws: random.Random, seeds: int) -> list[SeedResult]:
    """Accuracies that luck disturbs, and losses that it disturbs less."""
    return [SeedResult(draws.gauss(truth, 0.015), 2.0 - 1.5 * truth + draws.gauss(0, 0.006)) for _ in range(seeds)]


def test_losses_tell_before_there_are_further_seeds() -> None:
    draws = random.Random(0)
    truths = [draws.gauss(0.8, 0.01) for _ in range(60)]
    trained = [hinted(truth, draws, 1) for truth in truths]
    assert error(fit_shrinkage(trained), trained, truths) < 0.5 * error(mean, trained, truths)


def test_losses_that_tell_nothing_change_no_order() -> None:
    draws = random.Random(0)
    trained = [[SeedResult(draws.gauss(0.8, 0.02), 1.0)] for _ in range(60)]
    expected = fit_shrinkage(trained)
    assert sorted(trained, key=expected) == sorted(trained)


def test_further_seeds_tell_how_far_losses_are_to_be_trusted() -> None:
    """Where seeds hardly differ, what a loss does not foretell is the architecture's own."""
    draws = random.Random(0)
    truths = [draws.gauss(0.8, 0.02) for _ in range(60)]
    trained = [
        [SeedResult(draws.gauss(truth, 0.0005), draws.gauss(1.0, 0.1)) for _ in range(1 if i % 4 else 3)]
        for i, truth in enumerate(truths)
    ]
    assert error(fit_shrinkage(trained), trained, truths) < 2 * 0.0005**2


def test_a_line_goes_through_the_points_with_the_lowest_hints() -> None:
    hints = [float(number) for number in range(20)]
    line = Line.through(hints, [1.0 - 0.1 * hint if hint < 10 else 0.0 for hint in hints])
    assert line is not None
    assert abs(line.at(3.0) - 0.7) < 1e-9
    assert Line.through(hints[:7], hints[:7]) is None
    assert Line.through([1.0] * 20, hints) is None
