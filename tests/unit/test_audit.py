"""Whether early accuracies foretell final ones."""

import dataclasses
import random
from pathlib import Path

import pytest

from nas.results.rank_correlation import FEWEST, WINDOW, audits, feature_ranks
from nas.store.store import Store
from nas.study.study import AUDIT_INTERVAL
from nas.trial import CurvePoint, Outcome, Trial
from tests.builders import Silent, complete, failed, small_space, synthetic
from tests.studies import open_study, run


def trial(number: int, outcome: Outcome) -> Trial:
    return Trial(number, next(iter(small_space())), outcome.state, 0, 1, outcome)


def with_early(outcome: Outcome, early: float) -> Outcome:
    points = tuple(CurvePoint(epoch, early, 1.0, 0.1) for epoch in (1, 2, 3))
    return dataclasses.replace(outcome, curve=(*points, CurvePoint(4, outcome.accuracy, 1.0, 0.1)))


@pytest.mark.parametrize(("sign", "tau"), [(1, 1.0), (-1, -1.0)])
def test_the_same_ranks_are_1_and_reversed_ones_minus_1(sign: int, tau: float) -> None:
    found = audits(
        [trial(n, with_early(complete(0.5 + n / 100, 1.0), 0.5 + sign * n / 100)) for n in range(20)], (1, 3, 4)
    )
    assert [(each.epoch, each.trials) for each in found] == [(1, 20), (3, 20)]
    assert all(each.tau == pytest.approx(tau) for each in found)
    assert [each.is_low for each in found] == [tau < 0] * 2


def test_chance_is_low_and_equal_accuracies_are_no_error() -> None:
    draws = random.Random(1)
    (found,) = audits([trial(n, with_early(complete(draws.random(), 1.0), draws.random())) for n in range(90)], (1,))
    assert found.trials == WINDOW
    assert found.is_low
    (flat,) = audits([trial(n, with_early(complete(0.5, 1.0), 0.5)) for n in range(20)], (1,))
    assert flat.tau == 0.0


def test_few_trials_and_those_that_are_not_complete_tell_nothing() -> None:
    assert audits([trial(n, complete(0.5, 1.0)) for n in range(FEWEST - 1)], (1,)) == []
    assert audits([trial(n, failed()) for n in range(40)], (1,)) == []


def test_a_study_is_audited_as_it_goes_on_and_the_last_one_is_on_record(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    watcher = Silent()
    with Store.open(url, create=True) as store:
        run(open_study(store, url, budget=AUDIT_INTERVAL + 2, watcher=watcher), synthetic)
        ((found,), recorded) = (watcher.audits, store.audits(store.study().study_id))
    assert recorded == [found]
    assert (found.epoch, found.trials, found.tau) == (1, AUDIT_INTERVAL + 2, pytest.approx(1.0))


def test_features_are_ranked_overall_and_among_the_best_quarter() -> None:
    """One that tells of all but the best trials, as is common."""
    outcomes = [
        dataclasses.replace(
            complete(0.3 + n / 100, 1.0), costs={"feature:naswot": float(n if n < 45 else 104 - n), "macs": 1.0}
        )
        for n in range(60)
    ]
    naswot, *_ = feature_ranks([trial(n, each) for n, each in enumerate(outcomes)])
    assert (naswot.feature, naswot.trials) == ("naswot", 60)
    assert naswot.tau_of_best == pytest.approx(-1.0)
    assert naswot.tau > 0.8
    too_few, *_ = feature_ranks([trial(n, each) for n, each in enumerate(outcomes[: FEWEST - 1])])
    assert (too_few.trials, too_few.tau, too_few.tau_of_best) == (FEWEST - 1, None, None)
