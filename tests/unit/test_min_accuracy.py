"""A least accuracy in a search: the trials that are stopped for it, picks, and what samplers are told."""

import dataclasses
from pathlib import Path

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.architecture import Architecture
from nas.errors import OptionError, UserError
from nas.objective import OBJECTIVES
from nas.samplers.distributions import distributions
from nas.samplers.ehvi.sampler import EhviSampler, ehvi
from nas.samplers.setting import SamplerSetting
from nas.store.store import Store
from nas.study.accuracy_bound import MIN_COMPLETE_TRIALS, AccuracyBound
from nas.study.stored_study import StoredStudy
from nas.study.study import Study
from nas.trial import CurvePoint, Outcome, TrialState
from tests.builders import complete, small_space
from tests.studies import make_study, open_study

RUNGS = (1, 2)
accuracies = st.integers(0, 20).map(lambda number: number / 20)
curves = st.lists(st.tuples(accuracies, accuracies, accuracies), min_size=MIN_COMPLETE_TRIALS, max_size=20)


def outcome(*curve: float, is_complete: bool = True) -> Outcome:
    points = tuple(CurvePoint(epoch, accuracy, 1.0, 1.0) for epoch, accuracy in enumerate(curve, start=1))
    return Outcome(accuracy=curve[-1] if is_complete else None, curve=points)


def running(*curve: float) -> Outcome:
    return outcome(*curve, is_complete=False)


def bound_of(min_accuracy: float, ends: list[tuple[float, ...]]) -> AccuracyBound:
    bound = AccuracyBound(min_accuracy, RUNGS)
    for curve in ends:
        bound.record(outcome(*curve))
    return bound


def test_a_trial_is_stopped_that_the_largest_gain_would_leave_below() -> None:
    bound = bound_of(0.9, [(0.2, 0.3, 0.5)] * 7 + [(0.3, 0.5, 0.7)])
    assert bound.is_within_reach(running(0.51))
    assert not bound.is_within_reach(running(0.49))
    assert bound.is_within_reach(running(0.4, 0.71))
    assert not bound.is_within_reach(running(0.51, 0.69))


def test_nothing_is_stopped_before_8_trials_are_complete() -> None:
    bound = bound_of(0.9, [(0.1, 0.1, 0.1)] * 7)
    bound.record(running(0.1))
    bound.record(Outcome(accuracy=0.1))
    assert bound.is_within_reach(running(0.1))
    bound.record(outcome(0.1, 0.1, 0.1))
    assert not bound.is_within_reach(running(0.1))
    # Only rungs are judged.
    assert bound.is_within_reach(running(0.1, 0.1, 0.1))


@given(accuracies, curves)
def test_no_trial_that_reached_it_would_have_been_stopped_by_the_trials_on_record(
    min_accuracy: float, ends: list[tuple[float, ...]]
) -> None:
    bound = bound_of(min_accuracy, ends)
    for curve in ends:
        for epoch in RUNGS:
            if max(curve[epoch - 1], curve[-1]) >= min_accuracy:
                assert bound.is_within_reach(running(*curve[:epoch]))


def accuracies_of(architecture: Architecture) -> tuple[float, float]:
    """The accuracies after two epochs: attention reaches 0.9, others gain as much and end lower."""
    worth = {"pool": 0.1, "conv": 0.2, "attention": 0.4}
    early = sum(worth[stage.mixer] for stage in architecture.stages) / 2
    return early, early + 0.5


def train(study: Study) -> None:
    """Train each trial up to its rung, and on if the study continues it."""
    while (trial := study.ask()) is not None:
        early, final = accuracies_of(trial.architecture)
        latency_ms = 1.0 + sum(stage.depth for stage in trial.architecture.stages)
        whole = dataclasses.replace(
            complete(final, latency_ms), curve=(CurvePoint(1, early, 2.0, 0.5), CurvePoint(2, final, 1.0, 0.5, 1000))
        )
        at_rung = dataclasses.replace(whole, accuracy=None, curve=whole.curve[:1])
        study.tell(trial.number, whole if study.should_continue(trial.number, at_rung) else at_rung)


@pytest.mark.parametrize("sampler_name", ["random", "ehvi"])
def test_a_search_stops_what_cannot_reach_it_and_goes_on_with_what_it_has_learnt(
    sampler_name: str, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    space = small_space()

    def sampler() -> optuna.samplers.BaseSampler:
        limits = {"accuracy": 0.85}
        setting = SamplerSetting(space, 0, OBJECTIVES, limits=limits)
        return ehvi(setting) if sampler_name == "ehvi" else optuna.samplers.RandomSampler(seed=0)

    def opened(store: Store, budget: int) -> Study:
        return open_study(store, url, sampler=sampler(), budget=budget, early_stopping=True, min_accuracy=0.85)

    with Store.open(url, create=True) as store:
        train(opened(store, 18))
        # A later process has the complete trials' curves from the record.
        study = opened(store, 36)
        train(study)
        assert study.done == 36
        stopped = [trial for trial in study.trials if trial.state is TrialState.STOPPED]
        whole = [trial for trial in study.trials if trial.state is TrialState.COMPLETE]
        assert len(whole) >= MIN_COMPLETE_TRIALS
        eighth = sorted(trial.number for trial in whole)[MIN_COMPLETE_TRIALS - 1]
        for trial in study.trials:
            cannot_reach = accuracies_of(trial.architecture)[1] < 0.85
            if trial.number > eighth and cannot_reach:
                assert trial in stopped
        assert any(trial.number > 18 for trial in stopped)
        assert all(result.accuracy >= 0.85 for result in study.results if result.is_within_limits)
        assert any(result.is_within_limits for result in study.results)


def test_ehvi_takes_a_limit_of_the_expensive_objective() -> None:
    space = small_space()
    sampler = ehvi(SamplerSetting(space, 0, OBJECTIVES, limits={"accuracy": 0.9, "latency_ms": 5.0}))
    assert isinstance(sampler, EhviSampler)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    for _ in range(8):
        trial = study.ask(distributions(space))
        study.tell(trial, accuracies_of(space.decode(trial.params)))
    assert len({space.decode(trial.params).key for trial in study.trials}) == 8


def test_picks_of_a_study_on_record(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_study(url, budget=36)
    study = StoredStudy(url)
    best = study.best()
    fastest = study.pick("latency")
    assert fastest.accuracy < best.accuracy
    middle = (fastest.accuracy + best.accuracy) / 2
    fast_enough = study.pick("latency", min_accuracy=middle)
    assert fast_enough.accuracy >= middle
    assert fast_enough.latency_ms == min(
        trial.outcome.latency.median for trial in study.trials if trial.outcome.accuracy >= middle
    )
    assert study.best(min_accuracy=middle).trial == best.trial
    with pytest.raises(
        OptionError, match=r"^min_accuracy 0\.99: the study's most accurate trial has accuracy 0\.\d{4}$"
    ):
        study.best(min_accuracy=0.99)
    within = rf"^min_accuracy {middle:g}: within max_latency_ms {fastest.latency_ms:g} the most accurate trial has"
    with pytest.raises(OptionError, match=within):
        study.best(max_latency_ms=fastest.latency_ms, min_accuracy=middle)


def test_a_study_below_its_least_accuracy_has_nothing_to_pick_from(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_study(url, budget=5, min_accuracy=0.99)
    study = StoredStudy(url)
    assert study.front == []
    with pytest.raises(UserError, match="no complete trial to pick from within its own limits; --pick trial:N takes"):
        study.best()
    assert study.pick("trial:3").trial == 3
