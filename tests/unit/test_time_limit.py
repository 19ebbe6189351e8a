"""A search of a given time: what is started in it, and how long its trainings are."""

import threading
from dataclasses import dataclass

import pytest

from nas.architecture import Architecture, Stage
from nas.evaluation import Evaluation, Job, Resources
from nas.study.jobs import Jobs
from nas.study.time_limit import TRIALS_SHARE, TimedSearch, TimeLimit
from nas.study.time_plan import MAX_EPOCHS, MAX_TRIALS, PLANNED_TRIALS, START_S, plan_within
from nas.trial import Outcome
from nas.trial_cost import TrialMemory, TrialSeconds
from search_spaces.hybrid import HYBRID_16
from workers.ray.runner import RayTuneRunner

ARCHITECTURE = Architecture((Stage("pool", 1, 8),))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Costs:
    """Costs of trials that take `trial_s` on any number of threads."""

    trial_s: float

    def memory(self) -> TrialMemory | None:
        return None

    def seconds(self, threads: int, trials: int) -> TrialSeconds | None:
        return TrialSeconds(self.trial_s / 2, self.trial_s, 2 * self.trial_s)


def evaluation(trial_s: float, epochs: int) -> Evaluation:
    return Evaluation(None, HYBRID_16, {"epochs": epochs, "train_size": 1000}, trial_costs=Costs(trial_s))  # type: ignore[arg-type]


def jobs(count: int) -> Jobs:
    return Jobs([Job(ARCHITECTURE, 1, number) for number in range(count)], lambda *_: None)


def test_nothing_is_started_that_would_not_end_in_time() -> None:
    clock = Clock()
    limit = TimeLimit(100.0, clock=clock)
    search = TimedSearch(jobs(100), limit)
    while (job := search.ask()) is not None:
        clock.now += 11.0
        search.tell(job, Outcome(accuracy=0.5, train_s=10.0, measure_s=1.0))
    assert search.is_over
    assert 80 < clock.now < 95
    # The time is not over, but no trial would end in it: that is why there are no more.
    assert not limit.is_over_for_trials
    assert not limit.has_room_for_trials


def test_what_runs_is_waited_for_and_what_was_cut_off_does_not_count() -> None:
    clock = Clock()
    search = TimedSearch(jobs(2), TimeLimit(100.0, clock=clock))
    first, second = search.ask(), search.ask()
    assert first is not None
    assert second is not None
    clock.now = 96.0
    assert search.ask() is None
    assert not search.is_over
    search.interrupt(first, "time is up", "it was running then")
    search.tell(second, Outcome(accuracy=0.5))
    assert search.is_over


def test_the_trials_part_ends_before_the_confirmations_and_its_pace_tells_how_many_come() -> None:
    clock = Clock()
    limit = TimeLimit(100.0, 0.7, clock=clock)
    assert limit.trials_left(0) == 0
    clock.now = 6.5
    limit.began()
    clock.now = 36.5
    # 30 s for ten, and 30 more are left of 70% of the 95 s before the stop.
    assert limit.trials_left(10) == 10
    assert not limit.is_over_for_trials
    clock.now = 67.0
    assert limit.is_over_for_trials
    assert limit.has_room
    assert limit.trials_left(20) == 0
    assert limit.left_s == 33.0


def test_the_end_comes_once_and_not_after_the_search_has_left() -> None:
    ended = threading.Event()
    limit = TimeLimit(0.05)
    with limit.watched(ended.set):
        assert ended.wait(10)
    assert limit.is_up
    early = TimeLimit(1000.0)
    with early.watched(ended.set):
        pass
    assert not early.is_up


@pytest.mark.parametrize(
    ("trial_s", "epochs", "trials"),
    [(0.01, MAX_EPOCHS, 33_000), (4.125, 40, MAX_TRIALS), (20.0, 20, 82), (73.333, 15, PLANNED_TRIALS), (1e3, 5, 7)],
)
def test_trainings_are_as_long_as_suits_the_time(trial_s: float, epochs: int, trials: int) -> None:
    # Two workers, and 70% of the time less the start: 1,650 s of trainings, whose default is 20 epochs.
    time_s = (1650.0 / 2 + START_S) / TRIALS_SHARE
    runner = RayTuneRunner(Resources(workers=2), "cpu")
    plan = plan_within(time_s, TRIALS_SHARE, evaluation(trial_s, 20), runner)
    assert plan is not None
    assert plan.epochs == epochs
    assert plan.trials == pytest.approx(trials, abs=1)


def test_the_length_is_the_data_sets_where_a_trials_time_is_not_known() -> None:
    runner = RayTuneRunner(Resources(workers=2), "cpu")
    evaluation = Evaluation(None, HYBRID_16, {"epochs": 4})  # type: ignore[arg-type]
    assert plan_within(60.0, TRIALS_SHARE, evaluation, runner) is None
