"""Our storage for Optuna passes Optuna's own tests, and its cache equals the database."""

import optuna
import pytest
from optuna.storages import BaseStorage
from optuna.testing.pytest_storages import StorageTestCase

from nas.store.engine import open_optuna, parse_url
from nas.store.optuna_storage import DriverStorage


@pytest.fixture
def storage(storage_url: str) -> BaseStorage:
    return DriverStorage(open_optuna(parse_url(storage_url)))


class TestDriverStorage(StorageTestCase):
    """Optuna's own suite for storages."""


def test_the_cache_equals_the_database(storage: DriverStorage, storage_url: str) -> None:
    study = optuna.create_study(study_name="study", storage=storage, directions=["maximize", "minimize"])
    distributions = {
        "mixer": optuna.distributions.CategoricalDistribution(("pool", "conv")),
        "depth": optuna.distributions.IntDistribution(1, 4),
    }
    study.enqueue_trial({"mixer": "conv", "depth": 3})
    for number in range(4):
        trial = study.ask(distributions)
        trial.set_user_attr("curve", (0.5, 0.25))
        trial.set_constraint("latency", 1.0 - number)
        if number < 3:
            study.tell(trial, [0.5 + number / 10, 1.0] if number else None, state=None if number else PRUNED)
    cached = study.get_trials()
    read = optuna.load_study(study_name="study", storage=open_optuna(parse_url(storage_url))).get_trials()
    for ours, theirs in zip(cached, read, strict=True):
        for field in ("number", "state", "values", "params", "distributions", "user_attrs", "system_attrs"):
            assert getattr(ours, field) == getattr(theirs, field), (ours.number, field)
    assert cached[0].params == {"mixer": "conv", "depth": 3}


PRUNED = optuna.trial.TrialState.PRUNED
