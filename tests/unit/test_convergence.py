"""The expected gain of the rest of a search, and the end of a flat search."""

from pathlib import Path

import pytest

from nas.results.convergence import MIN_TRIALS, expected_gain
from nas.results.front import results
from nas.results.settings import ComparableSettings
from nas.store.store import Store
from nas.trial import Outcome, Trial
from tests.builders import complete, small_space
from tests.studies import open_study, run

SETTINGS = ComparableSettings({"max_latency_ms": 10.0})


def trials(outcomes: list[Outcome]) -> list[Trial]:
    members = list(small_space())
    return [
        Trial(number, members[number % len(members)], outcome.state, 0, 1, outcome)
        for number, outcome in enumerate(outcomes)
    ]


def gain(outcomes: list[Outcome], remaining: int) -> float | None:
    return expected_gain(results(trials(outcomes), SETTINGS), range(len(outcomes)), remaining, SETTINGS)


def test_too_few_trials_predict_nothing() -> None:
    assert gain([complete(0.5, 5.0)] * (MIN_TRIALS - 1), 10) is None
    assert expected_gain([], range(40), 10, SETTINGS) is None


def test_a_constant_front_has_no_expected_gain() -> None:
    assert gain([complete(0.5, 5.0)] * 40, 100) == 0.0


def test_each_doubling_is_expected_to_gain_as_much_as_the_last_one() -> None:
    # The median trial, from whose accuracy the gain is measured, has 0.1.
    useless = [complete(0.1, 5.0)] * 19
    grown = [complete(0.4, 5.0), *useless, complete(0.5, 5.0), *useless]
    assert gain(grown, 40) == pytest.approx(0.25)
    assert gain(grown, 120) == pytest.approx(0.5)
    assert gain(grown, 0) == 0.0


def test_a_front_that_enters_the_region_of_interest_gains_all_of_its_hypervolume() -> None:
    grown = [complete(0.4, 5.0)] * 20 + [complete(0.5, 5.0)] * 20
    assert gain(grown, 40) == pytest.approx(1.0)


def test_nothing_is_expected_of_a_search_that_has_not_reached_the_least_accuracy() -> None:
    settings = ComparableSettings({**SETTINGS, "min_accuracy": 0.8})
    outcomes = [complete(0.5, 5.0)] * 40
    assert expected_gain(results(trials(outcomes), settings), range(40), 40, settings) is None


def test_a_front_that_grows_outside_of_the_region_of_interest_is_not_flat() -> None:
    """The only trial above the median is the slowest one, so that the region is empty."""
    outcomes = [complete(0.1, 5.0)] * 30 + [complete(0.9, 6.0)] + [complete(0.1, 5.0)] * 9
    without_limit = ComparableSettings({"max_latency_ms": None})
    assert expected_gain(results(trials(outcomes), without_limit), range(40), 40, without_limit) is None


def test_a_flat_search_ends_and_resumes_without_the_option(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"

    def same(_architecture: object) -> Outcome:
        return complete(0.5, 5.0)

    with Store.open(url, create=True) as store:
        study = open_study(store, url, budget=36, flat_below=0.01, **SETTINGS)
        run(study, same)
        assert study.is_over
        assert study.is_flat
        assert study.done == MIN_TRIALS
        assert open_study(store, url, budget=36, flat_below=0.01, **SETTINGS).is_over
        resumed = open_study(store, url, budget=36, **SETTINGS)
        run(resumed, same)
        assert resumed.done == 36
