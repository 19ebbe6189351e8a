"""The region of interest: limits, the reference point of the hypervolume, and what is outside."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.view import history
from nas.results.front import Result, contenders, dropped_from_front, front, near_front, pick, results
from nas.results.limits import Limits
from nas.results.region import MIN_RESULTS_FOR_MEDIAN, front_hypervolume, reference_point, within
from nas.results.settings import ComparableSettings
from nas.trial import Confirmation, Trial
from tests.builders import complete, small_space

Figures = tuple[float, float]
# Two objectives and no limit.
DEFAULTS = ComparableSettings({})
LIMIT = ComparableSettings({"max_latency_ms": 4.0})


def trials(*figures: Figures) -> list[Trial]:
    """Complete trials of these accuracies and latencies in ms, which end one after another."""
    members = list(small_space())
    outcomes = [complete(accuracy, latency_ms) for accuracy, latency_ms in figures]
    return [
        Trial(number, members[number], outcome.state, 0, 1, outcome, finished_at=float(number))
        for number, outcome in enumerate(outcomes)
    ]


def numbers(members: list[Result]) -> list[int]:
    return [member.trial.number for member in members]


def test_the_reference_is_the_median_accuracy_and_the_slowest_latency() -> None:
    points = [(1.0, -0.2), (2.0, -0.6), (3.0, -0.7), (8.0, -0.9), (2.0, -0.1)]
    assert reference_point(points, DEFAULTS) == (8.0, -0.6)
    assert reference_point(points, ComparableSettings({"max_latency_ms": 9.0})) == (9.0, -0.6)
    assert reference_point(points, ComparableSettings({"min_accuracy": 0.65})) == (8.0, -0.65)
    macs = ComparableSettings({"objectives": ["accuracy", "macs", "latency_ms"], "max_latency_ms": 9.0})
    assert reference_point([(50.0, *point) for point in points], macs) == (50.0, 9.0, -0.6)


def test_the_median_of_a_few_results_is_no_guide() -> None:
    points = [(1.0, -0.2), (2.0, -0.6), (3.0, -0.7)]
    assert len(points) < MIN_RESULTS_FOR_MEDIAN
    assert reference_point(points, DEFAULTS) == (3.0, -0.2)
    assert reference_point(points, ComparableSettings({"min_accuracy": 0.65})) == (3.0, -0.65)


def test_hypervolume_is_that_of_networks_better_than_the_median_trial() -> None:
    study = results(trials((0.5, 1.0), (0.7, 1.5), (0.9, 2.0), (0.8, 3.0), (0.95, 8.0)), LIMIT)
    # Of the four within the limit the median is 0.75, which the two fastest do not reach.
    assert front_hypervolume(study, LIMIT) == pytest.approx((0.9 - 0.75) * (4.0 - 2.0))
    assert front_hypervolume([], DEFAULTS) == 0.0


def test_hypervolume_is_from_the_least_accuracy_where_there_is_one() -> None:
    settings = ComparableSettings({**LIMIT, "min_accuracy": 0.6})
    study = results(trials((0.5, 1.0), (0.7, 1.5), (0.9, 2.0)), settings)
    assert front_hypervolume(study, settings) == pytest.approx((0.7 - 0.6) * 0.5 + (0.9 - 0.6) * 2.0)
    unreached = ComparableSettings({**LIMIT, "min_accuracy": 0.99})
    assert front_hypervolume(results(trials((0.5, 1.0), (0.9, 2.0)), unreached), unreached) == 0.0


accuracies = st.integers(1, 19).map(lambda number: number / 20)
some_figures = st.lists(st.tuples(accuracies, st.integers(1, 9).map(float)), min_size=4, max_size=20)


@given(some_figures)
def test_results_that_are_no_better_than_the_median_add_nothing(figures: list[Figures]) -> None:
    study = results(trials(*figures), DEFAULTS)
    points = [result.losses for result in study]
    _, loss = reference_point(points, DEFAULTS)
    better = [result for result in study if result.losses[-1] < loss]
    settings = ComparableSettings(
        {"max_latency_ms": max(latency_ms for latency_ms, _ in points), "min_accuracy": -loss}
    )
    assert front_hypervolume(study, DEFAULTS) == pytest.approx(front_hypervolume(better, settings))


@given(some_figures, accuracies)
def test_nothing_below_the_least_accuracy_counts(figures: list[Figures], min_accuracy: float) -> None:
    settings = ComparableSettings({"max_latency_ms": 10.0, "min_accuracy": min_accuracy})
    study = results(trials(*figures), settings)
    accurate = [result for result in study if result.accuracy >= min_accuracy]
    assert within(study, settings.limits) == accurate
    assert front_hypervolume(study, settings) == front_hypervolume(accurate, settings)
    for members in (front(study), contenders(study), near_front(study)):
        assert all(member.accuracy >= min_accuracy for member in members)
    if accurate:
        for choice in ("knee", "accuracy", "latency"):
            assert pick(study, choice).accuracy >= min_accuracy
    # Any complete trial may be had by its number.
    assert pick(study, "trial:0").trial.number == 0


@given(some_figures, st.sampled_from([None, 5.0]), st.sampled_from([None, 0.5]))
def test_the_course_of_the_hypervolume_ends_at_the_present_one(
    figures: list[Figures], max_latency_ms: float | None, min_accuracy: float | None
) -> None:
    settings = ComparableSettings({"max_latency_ms": max_latency_ms, "min_accuracy": min_accuracy})
    study = results(trials(*figures), settings)
    moments = history(study, 0.0, settings)
    volumes = [moment["hypervolume"] for moment in moments]
    assert volumes == sorted(volumes)
    assert bool(moments) == any(result.is_within_limits for result in study)
    if moments:
        assert volumes[-1] == pytest.approx(front_hypervolume(study, settings))
        assert moments[-1]["trials"] == len(study)


def test_a_member_whose_further_seeds_are_below_the_least_accuracy_is_dropped() -> None:
    lucky, sound = trials((0.9, 1.0), (0.85, 2.0))
    lucky = dataclasses.replace(lucky, confirmations=(Confirmation(1, complete(0.7, 1.0)),))
    study = results([lucky, sound], ComparableSettings({"min_accuracy": 0.8}))
    assert numbers(front(study)) == [1]
    assert numbers(dropped_from_front(study)) == [0]
    assert numbers(front(results([lucky, sound], DEFAULTS))) == [0, 1]


def test_the_narrower_of_two_limits_holds() -> None:
    study = ComparableSettings({"max_latency_ms": 4.0, "min_accuracy": 0.5, "seed": 0})
    assert study.narrowed(Limits()) == study
    assert study.narrowed(Limits(3.0, 0.4)) == {**study, "max_latency_ms": 3.0}
    assert study.narrowed(Limits(5.0, 0.6)) == {**study, "min_accuracy": 0.6}
    unlimited = ComparableSettings({"seed": 0})
    assert unlimited.narrowed(Limits(3.0, 0.4)) == {"max_latency_ms": 3.0, "min_accuracy": 0.4, "seed": 0}
