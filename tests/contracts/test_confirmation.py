"""Confirmation of a front, on every database: the trials that are trained again, how often, and the front after it."""

import dataclasses
import random
from collections.abc import Callable

from nas.evaluation import Job
from nas.results.front import dropped_from_front, front
from nas.results.pareto import non_dominated
from nas.store.store import Store
from nas.study.confirmation import MIN_BOUND
from nas.study.two_parts import TwoPartSearch
from nas.trial import MAX_ATTEMPTS, WORKER_LOST, Outcome, Trial, TrialState
from tests.builders import Silent, complete, failed, measurement, synthetic
from tests.studies import confirmed, open_study


def work(search: TwoPartSearch, evaluate: Callable[[Job], Outcome]) -> list[Job]:
    """Every job in its turn, one at a time."""
    jobs = []
    while (job := search.ask()) is not None:
        jobs.append(job)
        search.tell(job, evaluate(job))
    assert search.is_over
    return jobs


def truth(job: Job) -> Outcome:
    return synthetic(job.architecture)


def reread(store: Store) -> list[Trial]:
    return store.trials(store.study().study_id)


def test_every_member_of_the_front_is_trained_again_with_other_seeds(storage_url: str) -> None:
    watcher = Silent()
    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=12, watcher=watcher)
        jobs = work(confirmed(study, 2), truth)
        assert [job.repeat for job in jobs[:12]] == [0] * 12
        repeats = jobs[12:]
        assert len({job.seed for job in jobs}) == len(jobs)
        assert len(repeats) == len(watcher.confirmed_trials) == 2 * len(front(study.results))
        for member in front(study.results):
            assert len(member.accuracies) == 3
            assert member.accuracy_std == 0.0
        assert reread(store) == list(study.trials)


def test_a_member_that_was_lucky_is_dropped(storage_url: str) -> None:
    def one_fluke(job: Job) -> Outcome:
        outcome = truth(job)
        return complete(0.999, outcome.latency.median) if (job.number, job.repeat) == (5, 0) else outcome

    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=36)
        work(confirmed(study, 0), one_fluke)
        assert max(study.results, key=lambda result: result.accuracy).trial.number == 5
        work(confirmed(study, 4), one_fluke)
        fluke = next(result for result in study.results if result.trial.number == 5)
        assert fluke.accuracies[0] == 0.999
        assert len(fluke.accuracies) == 5
        assert max(study.results, key=lambda result: result.accuracy).trial.number != 5
        assert all(len(member.accuracies) == 5 for member in front(study.results))


def test_confirmations_survive_a_new_driver_and_are_not_asked_for_twice(storage_url: str) -> None:
    with Store.open(storage_url, create=True) as store:
        search = confirmed(open_study(store, storage_url, budget=6), 2)
        while (job := search.ask()).repeat == 0:
            search.tell(job, truth(job))
        search.tell(job, truth(job))
        cut_off = search.ask()
        assert cut_off.repeat > 0
    with Store.open(storage_url, create=True) as store:
        again = open_study(store, storage_url, budget=6)
        jobs = work(confirmed(again, 2), truth)
        assert cut_off in jobs
        assert job not in jobs
        assert confirmed(again, 2).is_over
        assert not confirmed(again, 3).is_over


def test_a_lost_or_failed_confirmation_is_recorded_and_counts_for_nothing(storage_url: str) -> None:
    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=1)
        search = confirmed(study, 2)
        job = search.ask()
        search.tell(job, complete(0.9, 1.0))
        for _ in range(MAX_ATTEMPTS):
            lost = search.ask()
            search.interrupt(lost, WORKER_LOST, "signal 9")
        last = search.ask()
        assert last.seed != lost.seed
        search.tell(last, failed())
        assert search.is_over
        trial = reread(store)[0]
        assert trial.state is TrialState.COMPLETE
        causes = [confirmation.outcome.failure.cause for confirmation in trial.confirmations]
        assert causes == [WORKER_LOST, "out of memory"]
        assert study.results[0].accuracies == (0.9,)


def test_what_one_unlucky_seed_kept_off_the_front_is_confirmed_as_far_as_it_is_few(storage_url: str) -> None:
    def noisy(job: Job) -> Outcome:
        """Accuracies differ between seeds by more than between most architectures."""
        outcome = truth(job)
        return complete(outcome.accuracy + random.Random(job.seed).gauss(0, 0.03), outcome.latency.median)

    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=36)
        work(confirmed(study, 2), noisy)
        members = front(study.results)
        assert all(len(member.accuracies) == 3 for member in members)
        near = [result for result in study.results if len(result.accuracies) > 1 and result not in members]
        assert {result.trial.number for result in near} <= {
            result.trial.number for result in dropped_from_front(study.results)
        }
        searched = non_dominated([result.searched_losses for result in study.results])
        lucky = {study.results[index].trial.number for index in searched}
        assert any(result.trial.number not in lucky for result in near)
        assert all(result.trial.state is TrialState.COMPLETE for result in near)


def test_where_every_trial_was_lucky_the_confirmations_are_bounded_and_the_others_are_marked(storage_url: str) -> None:
    def lucky(job: Job) -> Outcome:
        """The search's own seed claims more of a slower network, and further seeds bear out none of it."""
        latency_ms = 1.0 + job.number
        return complete(0.3 if job.repeat else 0.5 + 0.01 * job.number, latency_ms)

    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=36)
        jobs = work(confirmed(study, 2), lucky)
        numbers = {job.number for job in jobs if job.repeat}
        assert len(numbers) == MIN_BOUND
        # One further seed is enough to take each of them off the front.
        assert len(jobs) == 36 + MIN_BOUND
        # The most accurate ones are confirmed; the others are on the front as what they are.
        assert numbers == set(range(36 - MIN_BOUND, 36))
        members = front(study.results)
        assert {member.trial.number for member in members} == set(range(36 - MIN_BOUND))
        assert not any(member.is_confirmed for member in members)
        # A new driver has nothing to add.
        assert confirmed(open_study(store, storage_url, budget=36), 2).is_over


def test_every_target_is_measured_again_and_the_last_figure_is_for_later_studies_too(storage_url: str) -> None:
    other = {"target": "other"}
    changed = {"objectives": ["accuracy", "latency_ms@other"], "further_targets": {"other": other}}

    def measured(job: Job) -> Outcome:
        """Twice as slow on both targets when it is confirmed."""
        times = 2.0 if job.repeat else 1.0
        outcome = truth(job)
        median = outcome.latency.median * times
        first = dataclasses.replace(measurement(median), taken_at=times)
        second = dataclasses.replace(measurement(3 * median), fingerprint=other, taken_at=times)
        return dataclasses.replace(outcome, latency=first, latencies={"other": second})

    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=12, **changed)
        work(confirmed(study, 1), measured)
        for member in front(study.results):
            median_ms = synthetic(member.trial.architecture).latency.median
            assert member.figures["latency_ms@other"] == 6 * median_ms
            assert member.losses[0] == 6 * median_ms
            assert member.searched_losses[0] == 3 * median_ms
            assert store.measurement(member.trial.architecture.key, other).median == 6 * median_ms
        assert reread(store) == list(study.trials)
