"""Expected accuracies: lucky single seeds are drawn towards the middle, order among equals is kept."""

import random
import statistics

from hypothesis import given
from hypothesis import strategies as st

from nas.expected import expectation

fractions = st.floats(0, 1)


@given(st.lists(fractions, min_size=1, max_size=20))
def test_without_further_seeds_it_is_the_accuracy(firsts: list[float]) -> None:
    expected = expectation([[first] for first in firsts])
    assert [expected([first]) for first in firsts] == firsts


@given(st.lists(st.lists(fractions, min_size=1, max_size=4), min_size=1, max_size=20))
def test_it_lies_between_the_mean_and_the_middle(accuracies: list[list[float]]) -> None:
    expected = expectation(accuracies)
    middle = statistics.median([own[0] for own in accuracies])
    for own in accuracies:
        mean = statistics.fmean(own)
        assert min(mean, middle) - 1e-9 <= expected(own) <= max(mean, middle) + 1e-9


@given(st.lists(st.lists(fractions, min_size=1, max_size=4), min_size=4, max_size=20))
def test_of_equally_many_seeds_the_better_mean_is_expected_to_be_better(accuracies: list[list[float]]) -> None:
    expected = expectation(accuracies)
    singles = sorted(own for own in accuracies if len(own) == 1)
    values = [expected(own) for own in singles]
    assert values == sorted(values)


def test_it_is_nearer_to_the_truth_than_the_mean() -> None:
    draws = random.Random(0)
    truths = [draws.gauss(0.9, 0.01) for _ in range(300)]
    accuracies = [[draws.gauss(truth, 0.015) for _ in range(1 if i % 5 else 3)] for i, truth in enumerate(truths)]
    expected = expectation(accuracies)

    def error(estimate):
        return statistics.fmean((estimate(own) - truth) ** 2 for own, truth in zip(accuracies, truths, strict=True))

    assert error(expected) < 0.7 * error(statistics.fmean)
