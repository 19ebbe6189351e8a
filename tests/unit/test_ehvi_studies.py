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
    rounds = [[tried(study, 1) for study in (first, second)] for _ in range(9)]
    assert [one for one, _ in rounds] == [other for _, other in rounds]
    assert [one for one, _ in rounds] == [
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
    asked = [study.ask(distributions(METAFORMER)).params for _ in range(2)]
    assert all(METAFORMER.decode(params) for params in asked)
    assert [(params["stage1.mixer"], params["stage3.mixer"]) for params in asked] == [("pool", "attention")] * 2
    assert asked[0] != asked[1]


def test_trials_that_are_no_members_and_parameters_of_the_studys_own() -> None:
    study = created(EhviSampler(HYBRID_V1, 0))
    study.enqueue_trial({"stage1.width": 7})
    with pytest.warns(UserWarning, match="out of range"):
        tried(study, 1)
    own = {**SPACE, "learning_rate": optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True)}
    trials = tried(study, 12, own)
    assert len({tuple(params[name] for name in SPACE) for params in trials}) == 12
    assert len({params["learning_rate"] for params in trials}) == 12


def test_the_last_members_of_a_space_are_all_proposed(tmp_path: Path) -> None:
    """More of them than are candidates each time."""
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


def test_expensive_features_are_evaluated_for_few_members_and_used() -> None:
    """They tell what no choice does."""
    evaluations: Counter[str] = Counter()

    def luck(member: Architecture) -> float:
        return random.Random(member.key).random()

    def counting(member: Architecture) -> float:
        evaluations[member.key] += 1
        return luck(member)

    def accuracies(sampler: EhviSampler, trials: int) -> list[float]:
        study = created(sampler)
        for _ in range(trials):
            trial = study.ask(SPACE)
            study.tell(trial, (luck(HYBRID_V1.compose(trial.params)), judged(trial)[1]))
        return [trial.values[0] for trial in study.trials[20:]]

    informed = accuracies(EhviSampler(HYBRID_V1, 0, expensive_features=[counting]), 50)
    uninformed = accuracies(EhviSampler(HYBRID_V1, 0), 50)
    assert statistics.fmean(informed) > statistics.fmean(uninformed) + 0.05
    # Once for each member, and for eight candidates of a proposal.
    assert set(evaluations.values()) == {1}
    assert 50 < len(evaluations) <= 50 + 8 * 50
