"""Studies on record, made by the real study and store without training anything."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import optuna

from nas.architecture import Architecture
from nas.latency.online_model import OnlineLatencyModel
from nas.results.front import front
from nas.results.ladder import Ladder
from nas.results.settings import ComparableSettings
from nas.samplers.distinct import DistinctSampler
from nas.space import SearchSpace
from nas.store.store import Store
from nas.study import opening
from nas.study.confirmation import Confirmations
from nas.study.early_stopping import rungs
from nas.study.optuna_mirror import OptunaMirror
from nas.study.pruning import Pruning
from nas.study.study import Study, trial_seed
from nas.study.two_parts import TwoPartSearch
from nas.trial import Confirmation, CurvePoint, Fidelity, Outcome
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


LADDER = Ladder((Fidelity(100, 2), Fidelity(400, 2), Fidelity(400, 6)))


def longer(outcome: Outcome, fidelity: Fidelity, gain: float) -> Outcome:
    """A longer training's outcome, with its curve: as the trial's, and more accurate."""
    accuracy = (outcome.accuracy or 0.0) + gain
    points = [
        CurvePoint(epoch, accuracy * epoch / fidelity.epochs, 1.0, 0.5, 1000) for epoch in range(1, fidelity.epochs + 1)
    ]
    weights = b"weights" if fidelity == LADDER.target else None
    return replace(outcome, accuracy=accuracy, curve=tuple(points), train_s=float(fidelity.epochs), weights=weights)


def climb(study: Study, number: int, gains: Sequence[float]) -> None:
    """Train a trial at the next rungs of LADDER, with these gains in accuracy over the trial's own."""
    trial = next(trial for trial in study.trials if trial.number == number)
    for repeat, (fidelity, gain) in enumerate(zip(LADDER.rungs[1:], gains, strict=False), start=1):
        seed = trial_seed(study.settings["seed"], trial.architecture.key, repeat)
        study.confirm(number, Confirmation(seed, longer(trial.outcome or Outcome(), fidelity, gain), fidelity))


def make_ladder_study(url: str, *, name: str = "study", finals: int = 6, budget: int = 12) -> None:
    """A finished study with a ladder: its first trials were trained at the target, one more at the rung below.

    Networks with attention gain more than others; the front's members are tested.
    """
    with Store.open(url, create=True) as store:
        study = open_study(store, url, name=name, budget=budget, ladder=LADDER.as_setting())
        run(study)
        for trial in study.trials[:finals]:
            is_slow = any(stage.mixer == "attention" for stage in trial.architecture.stages)
            climb(study, trial.number, (0.03, 0.10 if is_slow else 0.05))
        climb(study, study.trials[finals].number, (0.03,))
        for member in front(study.results):
            if member.final is not None:
                study.put_test_accuracy(member.trial.number, member.final, member.accuracy - 0.01)


def confirmed(study: Study, repeats: int) -> TwoPartSearch:
    """The study's search, which confirms its front with further seeds at the end."""
    return TwoPartSearch(study, Confirmations(study, repeats))
