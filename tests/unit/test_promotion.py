"""Promotion up a ladder: what climbs, in which order and how far, by a real study and store without training."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nas.evaluation import Job
from nas.results.front import front
from nas.results.ladder import Ladder
from nas.store.store import Store
from nas.study.promotion import CLIMBERS_PER_FINAL, Promotions
from nas.study.study import Study
from nas.study.time_limit import TimeLimit
from nas.study.two_parts import TwoPartSearch
from nas.trial import MAX_ATTEMPTS, WORKER_LOST, Fidelity, Outcome
from tests.builders import complete, failed
from tests.studies import open_study

LADDER = Ladder((Fidelity(100, 2), Fidelity(100, 6), Fidelity(100, 20)))
FINALS = 4


def climbing(store: Store, url: str, budget: int = 16, finals: int = FINALS) -> tuple[Study, TwoPartSearch]:
    study = open_study(store, url, budget=budget, ladder=LADDER.as_setting())
    return study, TwoPartSearch(study, Promotions(study, LADDER, finals))


def work(search: TwoPartSearch, evaluate: Callable[[Job], Outcome]) -> list[Job]:
    jobs = []
    while (job := search.ask()) is not None:
        search.tell(job, evaluate(job))
        jobs.append(job)
    assert search.is_over
    return jobs


def truth(job: Job) -> Outcome:
    """Slower networks are more accurate; on each rung there are three quarters of the errors of the one below."""
    rung = 0 if job.fidelity is None else LADDER.rungs.index(job.fidelity)
    return replace(complete(1 - error(job.number, rung), 1.0 + job.number), train_s=1.0 + 3 * rung)


def error(number: int, rung: int) -> float:
    return (0.6 - 0.02 * number) * 0.75**rung


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'nas.db'}"


def test_candidates_climb_rung_by_rung_up_to_the_target(url: str) -> None:
    with Store.open(url, create=True) as store:
        study, search = climbing(store, url)
        jobs = work(search, truth)
        further = [job for job in jobs if job.repeat]
        finals = [job for job in further if job.is_final]
        assert len(finals) == FINALS
        assert {job.fidelity for job in finals} == {LADDER.target}
        assert all(job.fidelity == LADDER.rungs[job.repeat] for job in further)
        for job in finals:
            assert [other.repeat for other in further if other.number == job.number] == [1, 2]
        assert len({job.number for job in further}) <= CLIMBERS_PER_FINAL * FINALS
        members = front(study.results)
        assert {member.trial.number for member in members} == {job.number for job in finals}
        assert all(member.final is not None and member.accuracy == member.final.outcome.accuracy for member in members)


def test_others_are_predicted_and_on_no_front(url: str) -> None:
    with Store.open(url, create=True) as store:
        study, search = climbing(store, url)
        work(search, truth)
        predicted = [result for result in study.results if result.is_predicted]
        assert len(predicted) == 16 - FINALS
        for result in predicted:
            assert result.expected_accuracy == pytest.approx(1 - error(result.trial.number, 2), abs=0.05)
            assert result.losses[-1] == -result.expected_accuracy
            assert result.accuracy_sd > 0


def test_another_driver_goes_on_where_the_first_one_stopped(url: str) -> None:
    with Store.open(url, create=True) as store:
        _, search = climbing(store, url)
        first: list[Job] = []
        while (job := search.ask()) is not None and len(first) < 20:
            search.tell(job, truth(job))
            first.append(job)
        study, again = climbing(store, url)
        second = work(again, truth)
        done = [(job.number, job.repeat) for job in (*first, *second)]
        assert len(set(done)) == len(done)
        assert sum(job.is_final for job in (*first, *second)) == FINALS
        assert climbing(store, url)[1].is_over
        assert len(front(study.results)) == FINALS


def test_a_network_that_cannot_be_trained_longer_climbs_no_further(url: str) -> None:
    with Store.open(url, create=True) as store:
        study, search = climbing(store, url)
        jobs = work(search, lambda job: truth(job) if job.fidelity is None else failed())
        assert not any(job.is_final for job in jobs)
        assert len({(job.number, job.repeat) for job in jobs}) == len(jobs)
        assert not any(result.is_confirmed for result in study.results)


def test_a_training_whose_worker_is_lost_resumes_and_is_given_up_in_the_end(url: str) -> None:
    with Store.open(url, create=True) as store:
        _, search = climbing(store, url, budget=4, finals=1)
        while (job := search.ask()) is not None and job.repeat == 0:
            search.tell(job, truth(job))
        assert job is not None
        lost = job
        rung = replace(truth(lost), accuracy=None, checkpoint=b"state")
        for attempt in range(MAX_ATTEMPTS):
            assert (job.number, job.repeat) == (lost.number, lost.repeat)
            if attempt:
                assert job.resume_from == rung
            assert search.should_continue(job, rung)
            search.interrupt(job, WORKER_LOST, "killed")
            following = search.ask()
            assert following is not None
            job = following
        assert (job.number, job.repeat) != (lost.number, lost.repeat)


def test_time_that_nothing_is_worth_goes_to_further_trials(url: str) -> None:
    now = 50.0
    with Store.open(url, create=True) as store:
        study, search = climbing(store, url)
        limit = study.time_limit = TimeLimit(100.0, trials_share=0.45, started=0.0, clock=lambda: now)
        assert search.is_over
        # To ask whether it is over changes nothing.
        assert limit.is_over_for_trials
        assert search.ask() is None
        assert not limit.is_over_for_trials
        job = search.ask()
        assert job is not None
        assert job.repeat == 0
        # Half of the 45 seconds that were left before the end.
        now = 73.0
        assert limit.is_over_for_trials
