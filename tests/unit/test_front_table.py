"""The marks in the table of a front, and their notes."""

import pytest

from nas.cli.front_table import print_below, print_front
from nas.results.front import as_json, dropped_from_front, front, results
from nas.results.settings import ComparableSettings
from nas.trial import Confirmation, Trial
from tests.builders import complete, measurement, small_space

OBJECTIVES = ("accuracy", "latency_ms")


def trial(number: int, latency_ms: float, own: float, *further: float, again_ms: float | None = None) -> Trial:
    outcome = complete(own, latency_ms)
    seeds = tuple(
        Confirmation(seed, complete(accuracy, again_ms or latency_ms)) for seed, accuracy in enumerate(further)
    )
    return Trial(number, list(small_space())[number], outcome.state, 0, 1, outcome, seeds)


def printed(
    trials: list[Trial],
    capsys: pytest.CaptureFixture[str],
    limit_ms: float | None = None,
    min_accuracy: float | None = None,
) -> str:
    study_results = results(trials, ComparableSettings({"max_latency_ms": limit_ms, "min_accuracy": min_accuracy}))
    members = front(study_results)
    rows, dropped = (
        [as_json(result, members) for result in group] for group in (members, dropped_from_front(study_results))
    )
    print_front(rows, OBJECTIVES, dropped)
    print_below(sum(result.is_below_min_accuracy for result in study_results), len(study_results), min_accuracy)
    return capsys.readouterr().out


def row(number: str, text: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if line.split()[0] == number)


def test_single_seeds_near_equals_and_what_was_dropped_are_marked(capsys: pytest.CaptureFixture[str]) -> None:
    trials = [
        trial(0, 1.0, 0.80, 0.79, 0.81),
        trial(1, 2.0, 0.81, 0.79, 0.815),
        trial(2, 3.0, 0.99, 0.70, 0.70),
        trial(3, 4.0, 0.95),
        trial(4, 4.9, 0.99, 0.99, 0.99, again_ms=5.1),
    ]
    text = printed(trials, capsys, limit_ms=5.0)
    assert "0.8000~" in row("0", text)
    assert "0.8025~" in row("1", text)
    assert row("2x", text)
    assert "own" in row("3", text)
    assert row("4o", text)
    assert "own: 1 of 4" not in text
    assert "own: 1 of 3 members are judged by the search's own seed alone" in text
    for mark in ("~ ", "x ", "o "):
        assert any(line.startswith(mark) for line in text.splitlines())


def test_a_front_of_single_seeds_says_so_and_marks_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed([trial(0, 1.0, 0.8), trial(1, 2.0, 0.9)], capsys)
    assert "own: 2 of 2 members" in text
    assert "~" not in text
    assert "dropped" not in text


def test_a_confirmed_front_has_no_notes_on_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    assert "own" not in printed([trial(0, 1.0, 0.8, 0.8, 0.81)], capsys)


def test_measured_again_is_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed([trial(0, 1.0, 0.8, 0.8, 0.8, again_ms=2.0)], capsys)
    assert f"{measurement(2.0).median:.3f}*" in row("0", text)


def test_trials_below_the_least_accuracy_are_counted_and_confirmed_ones_marked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trials = [trial(0, 1.0, 0.6), trial(1, 2.0, 0.9, 0.7, 0.7), trial(2, 3.0, 0.95, 0.85, 0.85)]
    text = printed(trials, capsys, min_accuracy=0.8)
    assert row("2", text)
    assert row("1a", text)
    assert "a dropped: it is below --min-accuracy" in text
    assert "2 of 3 complete trials are below --min-accuracy 0.8: on no front" in text
    assert "--min-accuracy" not in printed(trials, capsys)
