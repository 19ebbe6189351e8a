"""The front of trials, picks from it, and the JSON that other programs read."""

import dataclasses
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.errors import UnknownNameError, UserError
from nas.objective import UNKNOWN_HALF_WIDTH
from nas.results.front import (
    as_json,
    contenders,
    dropped_from_front,
    front,
    near_front,
    pick,
    results,
    similar_to,
)
from nas.results.pareto import Point, dominates, hypervolume
from nas.results.region import front_hypervolume, reference_point
from nas.results.settings import ComparableSettings
from nas.trial import Confirmation, CurvePoint, Outcome, Trial, failed_confirmations
from tests.builders import complete, failed, infeasible, measurement, small_space

# Two objectives and no limit.
DEFAULTS = ComparableSettings({})
LIMIT = ComparableSettings({"max_latency_ms": 4.0})


def trials() -> list[Trial]:
    outcomes = [
        complete(0.5, 1.0),
        complete(0.9, 2.0),
        complete(0.8, 3.0),
        complete(0.95, 8.0),
        failed(),
        infeasible(9.0),
    ]
    members = zip(small_space(), outcomes, strict=False)
    return [Trial(number, member, outcome.state, 0, 1, outcome) for number, (member, outcome) in enumerate(members)]


def test_front_has_the_non_dominated_results_fastest_first() -> None:
    assert [result.trial.number for result in front(results(trials(), DEFAULTS))] == [0, 1, 3]


def test_a_limit_excludes_slower_results() -> None:
    assert [
        result.trial.number for result in front(results(trials(), ComparableSettings({"max_latency_ms": 2.5})))
    ] == [0, 1]


@pytest.mark.parametrize(
    ("choice", "number"), [("knee", 1), ("accuracy", 3), ("latency", 0), ("fastest", 0), ("trial:2", 2)]
)
def test_picks(choice: str, number: int) -> None:
    assert pick(results(trials(), DEFAULTS), choice).trial.number == number


@pytest.mark.parametrize("choice", ["best", "trial:4", "trial:x", "trial:"])
def test_an_unknown_pick_is_named(choice: str) -> None:
    with pytest.raises(UnknownNameError, match="valid: "):
        pick(results(trials(), DEFAULTS), choice)


def test_nothing_to_pick_from() -> None:
    with pytest.raises(UserError, match="no complete trial"):
        pick([], "knee")


def test_json_shape() -> None:
    shown = as_json(results(trials(), DEFAULTS)[1], [])
    assert shown.keys() >= {"trial", "key", "stages", "parameters", "accuracy", "latency_ms", "latency_iqr_ms"}
    assert shown["stages"][0].keys() >= {"mixer", "depth", "width"}
    assert (shown["accuracy"], shown["latency_ms"], shown["latency_iqr_ms"]) == (0.9, 2.0, 0.25)


def confirmed(number: int, accuracies: tuple[float, ...], latency_ms: float) -> Trial:
    """Make a trial with the search's own accuracy and those of further seeds."""
    outcome = complete(accuracies[0], latency_ms)
    again = tuple(Confirmation(seed, complete(accuracy, latency_ms)) for seed, accuracy in enumerate(accuracies[1:]))
    return Trial(number, list(small_space())[number], outcome.state, 0, 1, outcome, again)


def test_lucky_results_are_dropped_and_unlucky_ones_are_near() -> None:
    study_results = results(
        [
            confirmed(0, (0.80, 0.80, 0.82), 1.0),
            confirmed(1, (0.95, 0.83, 0.85), 2.0),
            confirmed(2, (0.90, 0.90, 0.92), 2.0),
            confirmed(3, (0.899,), 2.0),
            confirmed(4, (0.70,), 3.0),
        ],
        DEFAULTS,
    )
    assert [result.trial.number for result in front(study_results)] == [0, 2]
    assert [result.trial.number for result in dropped_from_front(study_results)] == [1]
    assert 3 in [result.trial.number for result in near_front(study_results)]
    assert 4 not in [result.trial.number for result in near_front(study_results)]


def test_a_latency_of_few_disturbed_rounds_is_not_used_and_a_changed_one_is_marked() -> None:
    def measured_again(latency_ms: float, margin: float) -> Trial:
        outcome = complete(0.9, 2.0)
        again = complete(0.9, latency_ms)
        again = dataclasses.replace(again, latency=dataclasses.replace(again.latency, relative_half_width=margin))
        return Trial(0, next(iter(small_space())), outcome.state, 0, 1, outcome, (Confirmation(1, again),))

    for latency_ms, margin, figure, changed in (
        (30.0, UNKNOWN_HALF_WIDTH, 2.0, set()),
        (3.0, 0.01, 3.0, {"latency_ms"}),
    ):
        (result,) = results([measured_again(latency_ms, margin)], DEFAULTS)
        assert (result.latency.median, result.changed) == (figure, changed)


def test_of_disturbed_measurements_alone_the_least_disturbed_one_is_shown_and_marked() -> None:
    name = "latency_ms@cpu:threads=2"

    def disturbed(drift: float, latency_ms: float) -> Outcome:
        unreliable = dataclasses.replace(measurement(latency_ms), relative_half_width=UNKNOWN_HALF_WIDTH, drift=drift)
        return dataclasses.replace(complete(0.9, 2.0), latencies={"cpu:threads=2": unreliable})

    outcome, again = disturbed(93.0, 0.12), disturbed(0.07, 1.51)
    trial = Trial(0, next(iter(small_space())), outcome.state, 0, 1, outcome, (Confirmation(1, again),))
    (result,) = results([trial], ComparableSettings({"objectives": ["accuracy", name]}))
    assert result.figures[name] == 1.51
    assert as_json(result, [])["unsure"] == [name]
    assert result.losses[0] == 1.51


def test_scores_are_corrected_by_retrainings_and_are_not_compared_with_them() -> None:
    def scored(number: int, score: float, trained: tuple[float, ...], latency_ms: float) -> Trial:
        trial = confirmed(number, (score, *trained), latency_ms)
        return dataclasses.replace(trial, outcome=dataclasses.replace(trial.outcome, curve=()))

    study_results = results(
        [
            scored(0, 0.70, (0.60, 0.62), 1.0),
            scored(1, 0.90, (0.70, 0.72), 2.0),
            scored(2, 0.80, (0.74, 0.76), 2.0),
            scored(3, 0.85, (), 3.0),
        ],
        DEFAULTS,
    )
    assert [result.expected_accuracy for result in study_results] == pytest.approx([0.61, 0.71, 0.75, 0.85 - 0.11])
    assert [result.trial.number for result in front(study_results)] == [0, 2]
    assert study_results[1].accuracy == pytest.approx(0.71)
    # It is confirmed next, and until then on no front.
    promising = scored(4, 0.95, (), 4.0)
    study_results = results([*(result.trial for result in study_results), promising], DEFAULTS)
    assert [result.trial.number for result in contenders(study_results)] == [0, 2, 4]
    assert [result.trial.number for result in front(study_results)] == [0, 2]
    # Scores are on a front among themselves.
    assert [result.trial.number for result in front(results([scored(0, 0.7, (), 1.0), promising], DEFAULTS))] == [0, 4]


def test_a_result_over_the_limit_when_measured_again_is_dropped() -> None:
    over = confirmed(1, (0.9, 0.9, 0.9), 3.9)
    again = [dataclasses.replace(confirmation.outcome, latency=measurement(4.1)) for confirmation in over.confirmations]
    over = dataclasses.replace(
        over, confirmations=tuple(Confirmation(seed, outcome) for seed, outcome in enumerate(again))
    )
    study_results = results([confirmed(0, (0.8, 0.8, 0.8), 1.0), over, confirmed(2, (0.3,), 2.0)], LIMIT)
    assert [result.trial.number for result in front(study_results)] == [0]
    assert [result.trial.number for result in dropped_from_front(study_results)] == [1]
    assert near_front(study_results) == []
    # From the worse one of the two that are within the limit: too few for a median.
    assert front_hypervolume(study_results, LIMIT) == pytest.approx(3.0 * (0.8 - 0.3))


def test_a_member_not_distinguishable_from_a_cheaper_one_stays_and_is_grouped_with_it() -> None:
    study_results = results(
        [
            confirmed(0, (0.80, 0.79, 0.81), 1.0),
            confirmed(1, (0.81, 0.79, 0.815), 2.0),
            confirmed(2, (0.90, 0.90, 0.92), 3.0),
            confirmed(3, (0.70,), 4.0),
        ],
        DEFAULTS,
    )
    members = front(study_results)
    assert [result.trial.number for result in members] == [0, 1, 2]
    assert [similar_to(member, members) for member in members] == [[1], [0], []]
    assert [as_json(member, members)["similar_to"] for member in members] == [[1], [0], []]
    assert dropped_from_front(study_results) == []


def test_a_dense_front_loses_no_member() -> None:
    accuracies = [0.80 + 0.004 * step for step in range(11)]
    study_results = results(
        [
            confirmed(step, (accuracy, accuracy - 0.01, accuracy + 0.01), 1.0 + step)
            for step, accuracy in enumerate(accuracies)
        ],
        DEFAULTS,
    )
    assert [result.trial.number for result in front(study_results)] == list(range(11))


def test_no_expectation_puts_a_member_above_a_faster_and_more_accurate_one() -> None:
    """Trial 0's losses promise more than its three seeds showed; trial 1 was better in all that was seen."""

    def trained(trial: Trial, loss: float) -> Trial:
        def ended(outcome: Outcome) -> Outcome:
            return dataclasses.replace(outcome, curve=(CurvePoint(1, outcome.accuracy or 0.0, loss, 1.0),))

        again = tuple(
            Confirmation(confirmation.seed, ended(confirmation.outcome)) for confirmation in trial.confirmations
        )
        return dataclasses.replace(trial, outcome=ended(trial.outcome or Outcome()), confirmations=again)

    rest = [trained(confirmed(n, (0.3 + 0.02 * n,), 5.0 + n), 2.0 - 0.1 * n) for n in range(2, 12)]
    promising = trained(confirmed(0, (0.66, 0.56, 0.66, 0.757), 2.0), 0.2)
    better = trained(confirmed(1, (0.60, 0.64, 0.74, 0.846), 1.0), 0.9)
    study_results = results([promising, better, *rest], DEFAULTS)
    assert study_results[0].expected_accuracy > study_results[1].expected_accuracy
    assert [round(result.accuracy, 3) for result in study_results[:2]] == [0.659, 0.742]
    assert pick(study_results, "accuracy").trial.number == 1
    assert [result.trial.number for result in front(study_results)] == [1]
    assert [result.trial.number for result in dropped_from_front(study_results)] == [0]


@st.composite
def studies(draw: st.DrawFn) -> tuple[list[Trial], dict[str, Any]]:
    """Random trials, each with up to three confirmations, of two objectives or of three."""
    fractions, costs = st.integers(0, 20).map(lambda number: number / 20), st.integers(1, 12)
    drawn_trials = []
    for number, member in enumerate(list(small_space())[: draw(st.integers(1, 20))]):
        outcomes = [
            dataclasses.replace(complete(draw(fractions), float(draw(costs))), costs={"macs": draw(costs)})
            for _ in range(1 + draw(st.integers(0, 3)))
        ]
        again = tuple(Confirmation(seed, outcome) for seed, outcome in enumerate(outcomes[1:]))
        drawn_trials.append(Trial(number, member, outcomes[0].state, 0, 1, outcomes[0], again))
    objectives = ["accuracy", "latency_ms", *(["macs"] if draw(st.booleans()) else [])]
    limits = {"max_latency_ms": draw(st.sampled_from([None, 6.0])), "min_accuracy": draw(st.sampled_from([None, 0.4]))}
    return drawn_trials, ComparableSettings({"objectives": objectives, **limits})


@given(studies())
def test_what_is_shown_is_what_is_judged(study: tuple[list[Trial], dict[str, Any]]) -> None:
    study_results, settings = results(study[0], study[1]), study[1]
    members = front(study_results)
    shown = {result.trial.number: as_json(result, members) for result in study_results}

    def point(number: int) -> Point:
        costs = [shown[number]["figures"][name] for name in settings["objectives"][2:]]
        return (shown[number]["latency_ms"], *costs, -shown[number]["accuracy"])

    numbers = [result.trial.number for result in members]
    for one, other in itertools.permutations(numbers, 2):
        assert not dominates(point(one), point(other))
    within = [n for n in shown if not shown[n]["over_limit"] and not shown[n]["below_min_accuracy"]]
    for number in shown:
        is_below = settings["min_accuracy"] is not None and shown[number]["accuracy"] < settings["min_accuracy"]
        assert shown[number]["below_min_accuracy"] == is_below
    for number in set(within) - set(numbers):
        assert any(dominates(point(other), point(number)) or point(other) == point(number) for other in numbers)
    for result in dropped_from_front(study_results):
        assert shown[result.trial.number]["confirmed"] or shown[result.trial.number]["over_limit"]
    if members:
        assert pick(study_results, "accuracy").accuracy == max(shown[number]["accuracy"] for number in within)
        assert pick(study_results, "latency").latency.median == min(shown[number]["latency_ms"] for number in within)
        reference = reference_point([point(number) for number in within], settings)
        assert front_hypervolume(study_results, settings) == hypervolume(
            [point(number) for number in numbers], reference
        )


def test_nothing_is_near_while_it_is_not_known_how_seeds_differ() -> None:
    assert near_front(results(trials(), DEFAULTS)) == []


def test_a_score_whose_member_cannot_be_trained_is_on_no_front() -> None:
    """A training that failed besides one that did not leaves a trial where it is, as it does a proxy's."""
    broken = Confirmation(7, failed())

    def scored(number: int, *trained: Confirmation) -> Trial:
        outcome = dataclasses.replace(complete(0.9, 1.0 + number), curve=())
        return Trial(number, list(small_space())[number], outcome.state, 0, 1, outcome, trained)

    recorded = [scored(0, broken, broken), scored(1, Confirmation(1, complete(0.8, 2.0)), broken), scored(2)]
    assert [result.trial.number for result in results(recorded, DEFAULTS)] == [1, 2]
    assert len(failed_confirmations(recorded)) == 3
