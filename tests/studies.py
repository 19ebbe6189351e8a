"""Studies on record, made by the real study and store without training anything."""

from collections.abc import Callable
from typing import Any

import optuna

from nas.architecture import Architecture
from nas.latency.online_model import OnlineLatencyModel
from nas.results.settings import ComparableSettings
from nas.samplers.distinct import DistinctSampler
from nas.space import SearchSpace
from nas.store.store import Store
from nas.study import opening
from nas.study.confirmation import Confirmations
from nas.study.early_stopping import rungs
from nas.study.optuna_mirror import OptunaMirror
from nas.study.pruning import Pruning
from nas.study.study import Study
from nas.study.two_parts import TwoPartSearch
from nas.trial import Outcome
from tests.builders import Silent, small_space, synthetic

INPUT = {"channels": 1, "height_px": 16, "width_px": 16, "classes": 10}


def settings(**changed: Any) -> ComparableSettings:
    values = {
        "space": "small",
        "space_key": "small",
        "evaluator": "proxy",
        "dataset": "digits",
        "input": INPUT,
        "latency_input": INPUT,
        "epochs": 2,
        "train_size": 100,
        "batch_size": 32,
        "learning_rate": 0.003,
        "device": "cpu",
        "objectives": ["accuracy", "latency_ms"],
        "target": "cpu",
        "fingerprint": {"target": "cpu"},
        "further_targets": {},
        "latency_precision": 0.01,
        "max_latency_ms": None,
        "seed": 0,
    }
    return ComparableSettings(values | changed)


def open_study(
    store: Store,
    url: str,
    *,
    name: str = "study",
    space: SearchSpace | None = None,
    budget: int = 10,
    sampler: optuna.samplers.BaseSampler | None = None,
    watcher: Silent | None = None,
    flat_below: float | None = None,
    online_model: OnlineLatencyModel | None = None,
    early_stopping: bool = False,
    **changed: Any,
) -> Study:
    """A study of the space under test in a store, made or opened again."""
    space = space or small_space()
    optuna_study, _ = opening.open_study(store, url, name, settings(**changed))
    inner = sampler or optuna.samplers.RandomSampler(seed=0)
    judged = rungs(settings(**changed).epochs)
    study = Study(
        store,
        OptunaMirror(optuna_study, space, settings(**changed)),
        space,
        settings(**changed),
        budget,
        watcher or Silent(),
        pruning=Pruning(optuna_study, settings(**changed), judged, inner) if early_stopping else None,
        flat_below=flat_below,
        online_model=online_model,
    )
    optuna_study.sampler = DistinctSampler(inner, space, lambda: study.excluded, seed=0)
    return study


def run(study: Study, evaluate: Callable[[Architecture], Outcome] = synthetic) -> None:
    """Ask and tell until the study is over."""
    while (trial := study.ask()) is not None:
        study.tell(trial.number, evaluate(trial.architecture))


def make_study(url: str, *, name: str = "study", budget: int = 10, **changed: Any) -> None:
    """A finished study in the database."""
    with Store.open(url, create=True) as store:
        run(open_study(store, url, name=name, budget=budget, **changed))


def confirmed(study: Study, repeats: int) -> TwoPartSearch:
    """The study's search, which confirms its front with further seeds at the end."""
    return TwoPartSearch(study, Confirmations(study, repeats))
