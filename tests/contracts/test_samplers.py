"""The contract of every registered sampler, tested through the study that uses it."""

import warnings
from pathlib import Path

import optuna
import pytest

from nas import plugins
from nas.objective import OBJECTIVES
from nas.samplers.setting import SamplerSetting
from nas.store.store import Store
from nas.trial import TrialState
from tests.builders import Silent, failed, infeasible, small_space, synthetic
from tests.studies import open_study, run

SAMPLERS = plugins.names(plugins.SAMPLERS)
SPACE = small_space(("pool", "conv"))


def sampler(name: str, seed: int = 0) -> optuna.samplers.BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return plugins.load(plugins.SAMPLERS, name)(SamplerSetting(SPACE, seed, OBJECTIVES))


def suggested(name: str, folder: Path, *, seed: int = 0, budget: int = 12, evaluate=synthetic) -> list[str]:
    url = f"sqlite:///{folder / f'{name}-{seed}-{budget}-{len(list(folder.iterdir()))}.db'}"
    watcher = Silent()
    with Store.open(url, create=True) as store:
        study = open_study(store, url, space=SPACE, budget=budget, sampler=sampler(name, seed), watcher=watcher)
        run(study, evaluate)
        assert study.is_over
    return [trial.architecture.key for trial in watcher.began_trials]


def test_all_that_the_readme_names_are_registered() -> None:
    assert SAMPLERS == ["ehvi", "gp", "nsga2", "nsga3", "qmc", "random", "tpe"]


@pytest.mark.parametrize("name", SAMPLERS)
def test_never_proposes_an_architecture_twice_and_exhausts_a_small_space(name: str, tmp_path: Path) -> None:
    keys = suggested(name, tmp_path, budget=100)
    assert len(keys) == len(set(keys)) == SPACE.size == 16


@pytest.mark.parametrize("name", SAMPLERS)
def test_is_deterministic_by_seed(name: str, tmp_path: Path) -> None:
    assert suggested(name, tmp_path, seed=3) == suggested(name, tmp_path, seed=3)
    assert suggested(name, tmp_path, seed=3) != suggested(name, tmp_path, seed=4)


@pytest.mark.parametrize("name", SAMPLERS)
def test_works_with_failed_and_infeasible_trials(name: str, tmp_path: Path) -> None:
    def evaluate(architecture):
        if architecture.layout == "CC":
            return failed()
        return infeasible(9.0) if architecture.layout == "PP" else synthetic(architecture)

    assert len(suggested(name, tmp_path, evaluate=evaluate)) == 12


@pytest.mark.parametrize("name", SAMPLERS)
def test_accounts_for_trials_that_are_running(name: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    with Store.open(url, create=True) as store:
        study = open_study(store, url, space=SPACE, budget=14, sampler=sampler(name))
        running = [study.ask() for _ in range(4)]
        while any(running):
            trial = running.pop(0)
            study.tell(trial.number, synthetic(trial.architecture))
            if (following := study.ask()) is not None:
                running.append(following)
        assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 14
        assert len({trial.architecture.key for trial in study.trials}) == 14
