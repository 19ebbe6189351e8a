"""Shrinkage: lucky single seeds are shrunk towards the losses' prediction, and the order of equals is kept."""

import random
import statistics

from hypothesis import given
from hypothesis import strategies as st

from nas.results.shrinkage import Line, SeedResult, fit_shrinkage

fractions = st.floats(0, 1)


def without_losses(accuracies: list[list[float]]) -> list[list[SeedResult]]:
    return [[SeedResult(accuracy) for accuracy in runs] for runs in accuracies]


@given(st.lists(fractions, min_size=1, max_size=20))
def test_without_further_seeds_and_losses_the_estimate_is_the_accuracy(firsts: list[float]) -> None:
    estimate = fit_shrinkage(without_losses([[first] for first in firsts]))
    assert [estimate([SeedResult(first)]) for first in firsts] == firsts


@given(st.lists(st.lists(fractions, min_size=1, max_size=4), min_size=1, max_size=20))
def test_the_estimate_lies_between_the_mean_and_the_median(accuracies: list[list[float]]) -> None:
    estimate = fit_shrinkage(without_losses(accuracies))
    median = statistics.median([runs[0] for runs in accuracies])
    for runs in accuracies:
        mean = statistics.fmean(runs)
        value = estimate([SeedResult(accuracy) for accuracy in runs])
        assert min(mean, median) - 1e-9 <= value <= max(mean, median) + 1e-9


@given(st.lists(st.lists(fractions, min_size=1, max_size=4), min_size=4, max_size=20))
def test_with_one_seed_each_the_order_of_accuracies_is_kept(accuracies: list[list[float]]) -> None:
    estimate = fit_shrinkage(without_losses(accuracies))
    singles = sorted(runs[0] for runs in accuracies if len(runs) == 1)
    values = [estimate([SeedResult(accuracy)]) for accuracy in singles]
    assert values == sorted(values)


def error(estimate, trained: list[list[SeedResult]], truths: list[float]) -> float:
    return statistics.fmean((estimate(runs) - truth) ** 2 for runs, truth in zip(trained, truths, strict=True))


def mean(runs: list[SeedResult]) -> float:
    return statistics.fmean(run.accuracy for run in runs)


def test_the_estimate_is_nearer_to_the_truth_than_the_mean() -> None:
    draws = random.Random(0)
    truths = [draws.gauss(0.9, 0.01) for _ in range(300)]
    trained = [
        [SeedResult(draws.gauss(truth, 0.015)) for _ in range(1 if i % 5 else 3)] for i, truth in enumerate(truths)
    ]
    assert error(fit_shrinkage(trained), trained, truths) < 0.7 * error(mean, trained, truths)


def with_losses(truth: float, draws: random.Random, seeds: int) -> list[SeedResult]:
    """Draw accuracies with noise, and losses with less noise."""
    return [SeedResult(draws.gauss(truth, 0.015), 2.0 - 1.5 * truth + draws.gauss(0, 0.006)) for _ in range(seeds)]


def test_losses_improve_estimates_before_there_are_further_seeds() -> None:
    draws = random.Random(0)
    truths = [draws.gauss(0.8, 0.01) for _ in range(60)]
    trained = [with_losses(truth, draws, 1) for truth in truths]
    assert error(fit_shrinkage(trained), trained, truths) < 0.5 * error(mean, trained, truths)


def test_losses_without_information_keep_the_order() -> None:
    draws = random.Random(0)
    trained = [[SeedResult(draws.gauss(0.8, 0.02), 1.0)] for _ in range(60)]
    estimate = fit_shrinkage(trained)
    assert sorted(trained, key=estimate) == sorted(trained)


def test_further_seeds_set_the_weight_of_losses() -> None:
    """Where seeds hardly differ, the residuals of losses belong to the architectures."""
    draws = random.Random(0)
    truths = [draws.gauss(0.8, 0.02) for _ in range(60)]
    trained = [
        [SeedResult(draws.gauss(truth, 0.0005), draws.gauss(1.0, 0.1)) for _ in range(1 if i % 4 else 3)]
        for i, truth in enumerate(truths)
    ]
    assert error(fit_shrinkage(trained), trained, truths) < 2 * 0.0005**2


def test_a_line_is_fitted_to_the_points_with_the_lowest_x() -> None:
    xs = [float(number) for number in range(20)]
    line = Line.through(xs, [1.0 - 0.1 * x if x < 10 else 0.0 for x in xs])
    assert line is not None
    assert abs(line.at(3.0) - 0.7) < 1e-9
    assert Line.through(xs[:7], xs[:7]) is None
    assert Line.through([1.0] * 20, xs) is None
