"""From trials to a front, a pick and the JSON that others rely on."""

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
    fallen,
    front,
    front_hypervolume,
    near_front,
    pick,
    reference_point,
    results,
    similar_to,
)
from nas.results.pareto import Point, dominates, hypervolume
from nas.trial import Confirmation, CurvePoint, Outcome, Trial, failed_confirmations
from tests.builders import complete, failed, infeasible, measurement, small_space

LIMIT = {"max_latency_ms": 4.0}


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


def test_front_keeps_what_nothing_beats_fastest_first() -> None:
    assert [result.trial.number for result in front(results(trials(), {}))] == [0, 1, 3]


def test_a_limit_leaves_out_what_is_slower() -> None:
    assert [result.trial.number for result in front(results(trials(), {"max_latency_ms": 2.5}))] == [0, 1]


def test_hypervolume_from_accuracy_zero_and_the_limit() -> None:
    assert front_hypervolume(results(trials(), LIMIT), LIMIT) == pytest.approx(1.0 * 0.5 + 2.0 * 0.9)
    assert front_hypervolume([], {}) == 0.0


@pytest.mark.parametrize(("how", "number"), [("knee", 1), ("accuracy", 3), ("latency", 0), ("trial:2", 2)])
def test_picks(how: str, number: int) -> None:
    assert pick(results(trials(), {}), how).trial.number == number


@pytest.mark.parametrize("how", ["best", "trial:4", "trial:x", "trial:"])
def test_what_cannot_be_picked_is_named(how: str) -> None:
    with pytest.raises(UnknownNameError, match="valid: "):
        pick(results(trials(), {}), how)


def test_nothing_to_pick_from() -> None:
    with pytest.raises(UserError, match="no complete trial"):
        pick([], "knee")


def test_json_shape() -> None:
    shown = as_json(results(trials(), {})[1], [])
    assert shown.keys() >= {"trial", "key", "stages", "parameters", "accuracy", "latency_ms", "latency_iqr_ms"}
    assert shown["stages"][0].keys() >= {"mixer", "depth", "width"}
    assert (shown["accuracy"], shown["latency_ms"], shown["latency_iqr_ms"]) == (0.9, 2.0, 0.25)


def confirmed(number: int, accuracies: tuple[float, ...], latency_ms: float) -> Trial:
    """The search's own accuracy, and those of further seeds."""
    outcome = complete(accuracies[0], latency_ms)
    again = tuple(Confirmation(seed, complete(each, latency_ms)) for seed, each in enumerate(accuracies[1:]))
    return Trial(number, list(small_space())[number], outcome.state, 0, 1, outcome, again)


def test_what_fell_off_is_what_was_lucky_and_what_is_near_may_have_been_unlucky() -> None:
    found = results(
        [
            confirmed(0, (0.80, 0.80, 0.82), 1.0),
            confirmed(1, (0.95, 0.83, 0.85), 2.0),
            confirmed(2, (0.90, 0.90, 0.92), 2.0),
            confirmed(3, (0.899,), 2.0),
            confirmed(4, (0.70,), 3.0),
        ],
        {},
    )
    assert [each.trial.number for each in front(found)] == [0, 2]
    assert [each.trial.number for each in fallen(found)] == [1]
    assert 3 in [each.trial.number for each in near_front(found)]
    assert 4 not in [each.trial.number for each in near_front(found)]


def test_a_figure_of_a_few_disturbed_rounds_replaces_none_and_one_that_moved_is_marked() -> None:
    def seen_again(latency_ms: float, margin: float) -> Trial:
        outcome = complete(0.9, 2.0)
        again = complete(0.9, latency_ms)
        again = dataclasses.replace(again, latency=dataclasses.replace(again.latency, relative_half_width=margin))
        return Trial(0, next(iter(small_space())), outcome.state, 0, 1, outcome, (Confirmation(1, again),))

    for latency_ms, margin, figure, moved in ((30.0, UNKNOWN_HALF_WIDTH, 2.0, set()), (3.0, 0.01, 3.0, {"latency_ms"})):
        (found,) = results([seen_again(latency_ms, margin)], {})
        assert (found.latency.median, found.moved) == (figure, moved)


def test_of_figures_of_disturbed_rounds_alone_the_least_disturbed_one_is_told_and_marked() -> None:
    name = "latency_ms@cpu:threads=2"

    def seen(drift: float, latency_ms: float) -> Outcome:
        unsure = dataclasses.replace(measurement(latency_ms), relative_half_width=UNKNOWN_HALF_WIDTH, drift=drift)
        return dataclasses.replace(complete(0.9, 2.0), latencies={"cpu:threads=2": unsure})

    outcome, again = seen(93.0, 0.12), seen(0.07, 1.51)
    trial = Trial(0, next(iter(small_space())), outcome.state, 0, 1, outcome, (Confirmation(1, again),))
    (found,) = results([trial], {"objectives": ["accuracy", name]})
    assert found.figures[name] == 1.51
    assert as_json(found, [])["unsure"] == [name]
    assert found.losses[0] == 1.51


def test_scores_are_corrected_by_those_that_were_trained_and_count_for_nothing_beside_trainings() -> None:
    def scored(number: int, score: float, trained: tuple[float, ...], latency_ms: float) -> Trial:
        trial = confirmed(number, (score, *trained), latency_ms)
        return dataclasses.replace(trial, outcome=dataclasses.replace(trial.outcome, curve=()))

    found = results(
        [
            scored(0, 0.70, (0.60, 0.62), 1.0),
            scored(1, 0.90, (0.70, 0.72), 2.0),
            scored(2, 0.80, (0.74, 0.76), 2.0),
            scored(3, 0.85, (), 3.0),
        ],
        {},
    )
    assert [each.expected_accuracy for each in found] == pytest.approx([0.61, 0.71, 0.75, 0.85 - 0.11])
    assert [each.trial.number for each in front(found)] == [0, 2]
    assert found[1].accuracy == pytest.approx(0.71)
    # It is confirmed next, and until then on no front.
    promising = scored(4, 0.95, (), 4.0)
    found = results([*(each.trial for each in found), promising], {})
    assert [each.trial.number for each in contenders(found)] == [0, 2, 4]
    assert [each.trial.number for each in front(found)] == [0, 2]
    # Scores are on a front among themselves.
    assert [each.trial.number for each in front(results([scored(0, 0.7, (), 1.0), promising], {}))] == [0, 4]


def test_what_is_over_the_limit_when_it_is_measured_again_is_left_off_and_told_of() -> None:
    over = confirmed(1, (0.9, 0.9, 0.9), 3.9)
    again = [dataclasses.replace(each.outcome, latency=measurement(4.1)) for each in over.confirmations]
    over = dataclasses.replace(over, confirmations=tuple(Confirmation(seed, each) for seed, each in enumerate(again)))
    found = results([confirmed(0, (0.8, 0.8, 0.8), 1.0), over], LIMIT)
    assert [each.trial.number for each in front(found)] == [0]
    assert [each.trial.number for each in fallen(found)] == [1]
    assert near_front(found) == []
    assert front_hypervolume(found, LIMIT) == pytest.approx(3.0 * 0.8)


def test_what_seeds_cannot_tell_from_a_cheaper_member_stays_and_is_grouped_with_it() -> None:
    found = results(
        [
            confirmed(0, (0.80, 0.79, 0.81), 1.0),
            confirmed(1, (0.81, 0.79, 0.815), 2.0),
            confirmed(2, (0.90, 0.90, 0.92), 3.0),
            confirmed(3, (0.70,), 4.0),
        ],
        {},
    )
    members = front(found)
    assert [each.trial.number for each in members] == [0, 1, 2]
    assert [similar_to(each, members) for each in members] == [[1], [0], []]
    assert [as_json(each, members)["similar_to"] for each in members] == [[1], [0], []]
    assert fallen(found) == []


def test_a_dense_front_loses_no_member() -> None:
    accuracies = [0.80 + 0.004 * step for step in range(11)]
    found = results(
        [confirmed(step, (each, each - 0.01, each + 0.01), 1.0 + step) for step, each in enumerate(accuracies)], {}
    )
    assert [each.trial.number for each in front(found)] == list(range(11))


def test_no_expectation_puts_a_member_above_a_faster_and_more_accurate_one() -> None:
    """Trial 0's losses promise more than its three seeds showed; trial 1 was better in all that was seen."""

    def trained(trial: Trial, loss: float) -> Trial:
        def ended(outcome: Outcome) -> Outcome:
            return dataclasses.replace(outcome, curve=(CurvePoint(1, outcome.accuracy or 0.0, loss, 1.0),))

        again = tuple(Confirmation(each.seed, ended(each.outcome)) for each in trial.confirmations)
        return dataclasses.replace(trial, outcome=ended(trial.outcome or Outcome()), confirmations=again)

    rest = [trained(confirmed(n, (0.3 + 0.02 * n,), 5.0 + n), 2.0 - 0.1 * n) for n in range(2, 12)]
    promising = trained(confirmed(0, (0.66, 0.56, 0.66, 0.757), 2.0), 0.2)
    better = trained(confirmed(1, (0.60, 0.64, 0.74, 0.846), 1.0), 0.9)
    found = results([promising, better, *rest], {})
    assert found[0].expected_accuracy > found[1].expected_accuracy
    assert [round(each.accuracy, 3) for each in found[:2]] == [0.659, 0.742]
    assert pick(found, "accuracy").trial.number == 1
    assert [each.trial.number for each in front(found)] == [1]
    assert [each.trial.number for each in fallen(found)] == [0]


@st.composite
def studies(draw: st.DrawFn) -> tuple[list[Trial], dict[str, Any]]:
    """Random trials, each with up to three confirmations, of two objectives or of three."""
    fractions, costs = st.integers(0, 20).map(lambda each: each / 20), st.integers(1, 12)
    found = []
    for number, member in enumerate(list(small_space())[: draw(st.integers(1, 20))]):
        outcomes = [
            dataclasses.replace(complete(draw(fractions), float(draw(costs))), costs={"macs": draw(costs)})
            for _ in range(1 + draw(st.integers(0, 3)))
        ]
        again = tuple(Confirmation(seed, each) for seed, each in enumerate(outcomes[1:]))
        found.append(Trial(number, member, outcomes[0].state, 0, 1, outcomes[0], again))
    objectives = ["accuracy", "latency_ms", *(["macs"] if draw(st.booleans()) else [])]
    return found, {"objectives": objectives, "max_latency_ms": draw(st.sampled_from([None, 6.0]))}


@given(studies())
def test_what_is_shown_is_what_is_judged(study: tuple[list[Trial], dict[str, Any]]) -> None:
    found, settings = results(study[0], study[1]), study[1]
    members = front(found)
    shown = {each.trial.number: as_json(each, members) for each in found}

    def point(number: int) -> Point:
        costs = [shown[number]["figures"][name] for name in settings["objectives"][2:]]
        return (shown[number]["latency_ms"], *costs, -shown[number]["accuracy"])

    numbers = [each.trial.number for each in members]
    for one, other in itertools.permutations(numbers, 2):
        assert not dominates(point(one), point(other))
    within = [number for number in shown if not shown[number]["over_limit"]]
    for number in set(within) - set(numbers):
        assert any(dominates(point(each), point(number)) or point(each) == point(number) for each in numbers)
    for each in fallen(found):
        assert shown[each.trial.number]["confirmed"] or shown[each.trial.number]["over_limit"]
    if members:
        assert pick(found, "accuracy").accuracy == max(shown[number]["accuracy"] for number in within)
        assert pick(found, "latency").latency.median == min(shown[number]["latency_ms"] for number in within)
        reference = reference_point([each.losses for each in found], settings)
        assert front_hypervolume(found, settings) == hypervolume([point(number) for number in numbers], reference)


def test_nothing_is_near_while_it_is_not_known_how_seeds_differ() -> None:
    assert near_front(results(trials(), {})) == []


def test_a_score_whose_member_cannot_be_trained_is_on_no_front() -> None:
    """A training that failed besides one that did not leaves a trial where it is, as it does a proxy's."""
    broken = Confirmation(7, failed())

    def scored(number: int, *trained: Confirmation) -> Trial:
        outcome = dataclasses.replace(complete(0.9, 1.0 + number), curve=())
        return Trial(number, list(small_space())[number], outcome.state, 0, 1, outcome, trained)

    recorded = [scored(0, broken, broken), scored(1, Confirmation(1, complete(0.8, 2.0)), broken), scored(2)]
    assert [each.trial.number for each in results(recorded, {})] == [1, 2]
    assert len(failed_confirmations(recorded)) == 3
