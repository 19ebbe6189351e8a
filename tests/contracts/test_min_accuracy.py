"""A least accuracy on record, on every database: in our tables, in Optuna's, and what `nas db check` says of it."""

import optuna
import pytest
from sqlalchemy import text

from nas.errors import ParameterError
from nas.store.check import check
from nas.store.engine import open_engine, parse_url
from nas.store.store import Store
from nas.trial import TrialState
from tests.builders import complete, failed, infeasible
from tests.studies import make_study, open_study, run


def test_a_trial_below_the_least_accuracy_is_complete_and_violates_a_constraint(storage_url: str) -> None:
    outcomes = iter([complete(0.5, 1.0), failed(), complete(0.75, 2.0), infeasible(9.0)])
    limits = {"max_latency_ms": 5.0, "min_accuracy": 0.625}
    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=4, **limits)
        run(study, lambda architecture: next(outcomes))
        ends = [TrialState.COMPLETE, TrialState.FAILED, TrialState.COMPLETE, TrialState.INFEASIBLE]
        assert [trial.state for trial in study.trials] == ends
        assert [result.is_below_min_accuracy for result in study.results] == [True, False]
        with pytest.raises(ParameterError, match=r"begun with min_accuracy 0\.625, not with min_accuracy 0\.7"):
            open_study(store, storage_url, **limits | {"min_accuracy": 0.7})
        with pytest.raises(ParameterError, match=r"begun with min_accuracy 0\.625, not without min_accuracy"):
            open_study(store, storage_url, max_latency_ms=5.0)
    optuna_study = optuna.load_study(
        study_name="study", storage=parse_url(storage_url).render_as_string(hide_password=False)
    )
    assert [trial.constraints for trial in optuna_study.trials] == [
        {"latency_ms": -4.0, "accuracy": 0.125},
        {},
        {"latency_ms": -3.0, "accuracy": -0.125},
        {"latency_ms": 4.0},
    ]
    assert [trial.number for trial in optuna_study.best_trials] == [2]


def test_a_least_accuracy_that_optuna_does_not_know_is_a_problem(storage_url: str) -> None:
    make_study(storage_url, budget=2, min_accuracy=0.75)
    assert check(storage_url) == []
    engine = open_engine(parse_url(storage_url))
    with engine.begin() as connection:
        change = "UPDATE trial_system_attributes SET value_json = '7.0' WHERE key = 'constraints:accuracy'"
        connection.execute(text(change))
    engine.dispose()
    said = "Optuna has another distance of its accuracy from the least one, 0.75"
    assert check(storage_url) == [f"study 'study', trial {number}: {said}" for number in (0, 1)]
