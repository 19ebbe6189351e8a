"""Our sampler in studies of other programs: several at a time, pickled, with trials and parameters of their own."""

import multiprocessing
import pickle
import random
import statistics
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import optuna
import pytest

from nas.architecture import Architecture
from nas.samplers.distributions import distributions
from nas.samplers.ehvi.sampler import EhviSampler
from nas.simulation.space import TableSpace
from nas.simulation.table import read_table
from search_spaces.hybrid_v1 import HYBRID_V1
from search_spaces.metaformer import METAFORMER
from tests.tables import write_table

SPACE = distributions(HYBRID_V1)


def created(sampler: EhviSampler, **options: object) -> optuna.Study:
    return optuna.create_study(directions=["maximize", "minimize"], sampler=sampler, **options)


def judged(trial: optuna.Trial) -> tuple[float, float]:
    widths = [trial.params[f"stage{number}.width"] for number in range(1, 5)]
    return sum(widths) / 1000, 1.0 + sum(widths) / 100


def tried(study: optuna.Study, count: int, space: dict = SPACE) -> list[dict]:
    trials = [study.ask(space) for _ in range(count)]
    for trial in trials:
        study.tell(trial, judged(trial))
    return [trial.params for trial in trials]


def test_one_sampler_serves_several_studies() -> None:
    """Each as if it were alone: studies in memory all have the same number."""
    shared = EhviSampler(HYBRID_V1, 0)
    first, second = (created(shared) for _ in range(2))
    found = [[tried(study, 1) for study in (first, second)] for _ in range(9)]
    assert [one for one, _ in found] == [other for _, other in found]
    assert [one for one, _ in found] == [
        tried(alone, 1) for alone in [created(EhviSampler(HYBRID_V1, 0))] for _ in range(9)
    ]


def test_a_study_that_is_made_again_begins_anew(tmp_path: Path) -> None:
    sampler, storage = EhviSampler(HYBRID_V1, 0), f"sqlite:///{tmp_path / 'optuna.db'}"
    before = tried(created(sampler, storage=storage, study_name="one"), 8)
    optuna.delete_study(study_name="one", storage=storage)
    assert tried(created(sampler, storage=storage, study_name="one"), 8) == before


def _try_some(storage: str, seed: int) -> None:
    study = optuna.load_study(study_name="one", storage=storage, sampler=EhviSampler(HYBRID_V1, seed))
    for _ in range(10):
        tried(study, 1)


def test_processes_that_ask_at_the_same_moment_are_not_proposed_one_member(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'optuna.db'}"
    study = optuna.create_study(directions=["maximize", "minimize"], storage=storage, study_name="one")
    with ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as processes:
        list(processes.map(_try_some, [storage] * 3, range(3)))
    members = [tuple(sorted(trial.params.items())) for trial in study.get_trials()]
    assert len(members) == 30
    assert len(set(members)) == 30


def test_it_is_pickled_as_optuna_shows() -> None:
    study = created(EhviSampler(HYBRID_V1, 0))
    tried(study, 8)
    study.sampler = pickle.loads(pickle.dumps(study.sampler))
    again = created(EhviSampler(HYBRID_V1, 0))
    tried(again, 8)
    assert tried(study, 2) == tried(again, 2)


def test_choices_that_are_enqueued_make_a_member_with_what_is_proposed() -> None:
    study = created(EhviSampler(METAFORMER, 0))
    for _ in range(2):
        study.enqueue_trial({"stage1.mixer": "pool", "stage3.mixer": "attention"})
    found = [study.ask(distributions(METAFORMER)).params for _ in range(2)]
    assert all(METAFORMER.decode(each) for each in found)
    assert [(each["stage1.mixer"], each["stage3.mixer"]) for each in found] == [("pool", "attention")] * 2
    assert found[0] != found[1]


def test_trials_that_are_no_members_and_parameters_of_the_studys_own() -> None:
    study = created(EhviSampler(HYBRID_V1, 0))
    study.enqueue_trial({"stage1.width": 7})
    with pytest.warns(UserWarning, match="out of range"):
        tried(study, 1)
    own = {**SPACE, "learning_rate": optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True)}
    found = tried(study, 12, own)
    assert len({tuple(each[name] for name in SPACE) for each in found}) == 12
    assert len({each["learning_rate"] for each in found}) == 12


def test_the_last_members_of_a_space_are_all_proposed(tmp_path: Path) -> None:
    """More of them than are looked at each time."""
    space = TableSpace(read_table(write_table(tmp_path / "t.csv")))
    study = created(EhviSampler(space, 0))
    members = list(space)
    for member in members[:-3]:
        trial = optuna.trial.create_trial(
            values=(space.row(member).figures["accuracy"], 1.0),
            params=space.encode(member),
            distributions=distributions(space),
        )
        study.add_trial(trial)
    left = [study.ask(distributions(space)).params for _ in range(3)]
    assert sorted(map(str, left)) == sorted(str(space.encode(member)) for member in members[-3:])


def test_features_that_take_long_are_looked_at_of_few_and_used() -> None:
    """What no choice tells, they do."""
    asked: Counter[str] = Counter()

    def luck(member: Architecture) -> float:
        return random.Random(member.key).random()

    def counting(member: Architecture) -> float:
        asked[member.key] += 1
        return luck(member)

    def found(sampler: EhviSampler, trials: int) -> list[float]:
        study = created(sampler)
        for _ in range(trials):
            trial = study.ask(SPACE)
            study.tell(trial, (luck(HYBRID_V1.compose(trial.params)), judged(trial)[1]))
        return [trial.values[0] for trial in study.trials[20:]]

    told, untold = (
        found(EhviSampler(HYBRID_V1, 0, expensive_features=[counting]), 50),
        found(EhviSampler(HYBRID_V1, 0), 50),
    )
    assert statistics.fmean(told) > statistics.fmean(untold) + 0.05
    # A member once, eight of those that a suggestion chooses among.
    assert set(asked.values()) == {1}
    assert 50 < len(asked) <= 50 + 8 * 50
