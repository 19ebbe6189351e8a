"""Evolutionary samplers on studies whose trials are stopped early or infeasible."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState

from nas import plugins
from nas.objective import OBJECTIVES
from nas.samplers import nsga2, nsga3
from nas.samplers.pruned_trials import CompletedStudy
from nas.samplers.setting import LAST_SEEN, OBSERVED, SamplerSetting
from nas.simulation.replay import ReplayOptions, replay
from nas.simulation.table import read_table
from nas.store.store import Store
from nas.trial import CurvePoint, Outcome
from tests.builders import small_space, synthetic
from tests.studies import open_study
from tests.tables import write_table

CHOICES = {f"choice{number}": CategoricalDistribution(tuple("abcd")) for number in range(4)}
EVOLUTIONARY = {"nsga2": nsga2.POPULATION_SIZE, "nsga3": nsga3.POPULATION_SIZE}


def sampler(name: str, seed: int = 0) -> optuna.samplers.BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return plugins.load(plugins.SAMPLERS, name)(SamplerSetting(small_space(("pool",)), seed, OBJECTIVES))


def new_study(name: str, seed: int = 0) -> optuna.Study:
    return optuna.create_study(directions=["maximize", "minimize"], sampler=sampler(name, seed))


def prune(study: optuna.Study, trial: optuna.Trial, seen: Sequence[float | None], *, excess_ms: float = 0.0) -> None:
    trial.set_user_attr(OBSERVED, [None, seen[1]])
    if seen[0] is not None:
        trial.set_user_attr(LAST_SEEN, list(seen))
    trial.set_constraint("latency_ms", excess_ms)
    study.tell(trial, state=TrialState.PRUNED)


def values_of(trial: optuna.Trial) -> tuple[float, float]:
    accuracy = sum(option == "a" for option in trial.params.values()) / 4
    return accuracy, 1.0 + sum(option == "b" for option in trial.params.values())


def proposals(name: str, count: int, *, seed: int = 0, all_stopped: bool = True) -> list[dict[str, str]]:
    study = new_study(name, seed)
    for number in range(count):
        trial = study.ask(CHOICES)
        if all_stopped or number % 2:
            prune(study, trial, values_of(trial))
        else:
            study.tell(trial, values_of(trial))
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize(("name", "size"), EVOLUTIONARY.items())
@pytest.mark.parametrize("all_stopped", [True, False])
def test_from_the_second_generation_on_stopped_trials_are_parents(name: str, size: int, all_stopped: bool) -> None:
    count = 6 * size
    evolved = proposals(name, count, all_stopped=all_stopped)
    drawn = proposals("random", count)
    assert evolved[:size] == drawn[:size]
    assert evolved[size:] != drawn[size:]
    first, last = evolved[:size], evolved[-size:]
    # Members with option b are slow, and not on the front.
    assert sum(list(params.values()).count("b") for params in last) < sum(
        list(params.values()).count("b") for params in first
    )


@pytest.mark.parametrize(("name", "size"), EVOLUTIONARY.items())
def test_generations_advance_where_all_trials_are_stopped_or_over_a_limit(name: str, size: int) -> None:
    study = new_study(name)
    for number in range(3 * size):
        trial = study.ask(CHOICES)
        accuracy, latency_ms = values_of(trial)
        if number % 2:
            prune(study, trial, (accuracy, latency_ms))
        else:
            prune(study, trial, (None, latency_ms), excess_ms=latency_ms - 1.0)
    generations = [
        value for trial in study.trials for key, value in trial.system_attrs.items() if key.endswith(":generation")
    ]
    assert generations == sorted(generations)
    assert [generations.count(number) for number in (0, 1, 2)] == [size] * 3


def test_what_was_not_measured_is_the_worst_of_its_objective_and_the_record_stays() -> None:
    study = new_study("random")
    study.tell(study.ask(CHOICES), (0.8, 2.0))
    prune(study, study.ask(CHOICES), (0.3, 1.0))
    prune(study, study.ask(CHOICES), (None, 9.0), excess_ms=4.0)
    study.tell(study.ask(CHOICES), state=TrialState.FAIL)
    study.tell(study.ask(CHOICES), state=TrialState.PRUNED)
    completed = CompletedStudy(study).get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    assert [trial.values for trial in completed] == [[0.8, 2.0], [0.3, 1.0], [0.3, 9.0], [0.3, 9.0]]
    states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.PRUNED, TrialState.FAIL, TrialState.PRUNED]
    assert [trial.state for trial in study.trials] == states
    assert study.trials[1].values is None


def test_a_study_of_which_nothing_is_known_yet_is_completed_with_zeros() -> None:
    study = new_study("random")
    study.tell(study.ask(CHOICES), state=TrialState.PRUNED)
    assert [trial.values for trial in CompletedStudy(study).trials] == [[0.0, 0.0]]


def test_a_stopped_trial_is_recorded_with_the_accuracy_after_its_last_epoch(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    with Store.open(url, create=True) as store:
        study = open_study(store, url, space=small_space(("pool", "conv")), budget=2, sampler=sampler("random"))
        trial = study.ask()
        outcome = synthetic(trial.architecture)
        curve = (CurvePoint(1, 0.2, 1.5, 1.0), CurvePoint(2, 0.4, 1.2, 1.0))
        study.tell(trial.number, Outcome(latency=outcome.latency, parameters=outcome.parameters, curve=curve))
        (recorded,) = optuna.load_study(study_name=study.name, storage=url).trials
    assert recorded.state is TrialState.PRUNED
    assert recorded.user_attrs[OBSERVED][0] is None
    assert recorded.user_attrs[LAST_SEEN] == [0.4, *recorded.user_attrs[OBSERVED][1:]]


@pytest.mark.parametrize(("name", "size"), EVOLUTIONARY.items())
def test_under_early_stopping_a_simulated_search_differs_from_random_after_one_generation(
    name: str, size: int, tmp_path: Path
) -> None:
    table = read_table(write_table(tmp_path / "small.csv"))
    options = ReplayOptions(3 * size)
    evolved, drawn = (replay(table, sampler_name, 0, options) for sampler_name in (name, "random"))
    assert evolved.epochs < 0.9
    assert evolved.course[:size] == drawn.course[:size]
    assert evolved.course != drawn.course
