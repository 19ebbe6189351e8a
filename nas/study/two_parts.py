"""A search in two parts: a study's trials, and after them further trainings of what is promising."""

from collections.abc import Collection
from dataclasses import replace
from typing import Protocol

from nas.evaluation import Job
from nas.study.study import Study
from nas.trial import MAX_ATTEMPTS, WORKER_LOST, Confirmation, Failure, Outcome


class FurtherTrainings(Protocol):
    """Chooses the further trainings of a study's trials."""

    def next(self, running: Collection[Job]) -> Job | None:
        """Return the next job, whose `repeat` is above 0, beside the running ones; None when there is none for now."""

    def release_time(self) -> None:
        """Give up time that is left, where none of these trainings runs and there is none to come."""


class TwoPartSearch:
    """A study's trials, and after them the further trainings; has the interface nas.evaluation.AskTell.

    Only finished trainings are recorded: `ask` returns one that was cut off again, to resume from its last rung.
    """

    def __init__(self, study: Study, further: FurtherTrainings) -> None:
        self._study = study
        self._further = further
        self._running: dict[tuple[int, int], Job] = {}
        self._losses: dict[tuple[int, int], int] = {}
        self._resume_from: dict[tuple[int, int], Outcome] = {}

    @property
    def is_over(self) -> bool:
        return self._study.is_over and not self._running and self._further.next(()) is None

    def ask(self) -> Job | None:
        """Return the study's next trial, or after the last one a further training; None when there is none for now."""
        trial = self._study.ask()
        if trial is not None:
            known = self._study.recorded_latencies(trial.architecture)
            resume_from = self._study.resume_from(trial.architecture)
            rungs = self._study.rungs
            return Job(trial.architecture, trial.seed, trial.number, known=known, rungs=rungs, resume_from=resume_from)
        job = self._further.next(self._running.values())
        if job is None and not self._running:
            self._further.release_time()
        if job is not None:
            job = replace(job, resume_from=self._resume_from.get(_key(job)))
            self._running[_key(job)] = job
        return job

    def should_continue(self, job: Job, outcome: Outcome) -> bool:
        if job.repeat == 0:
            return self._study.should_continue(job.number, outcome)
        self._resume_from[_key(job)] = outcome
        return True

    def tell(self, job: Job, outcome: Outcome) -> None:
        if job.repeat == 0:
            self._study.tell(job.number, outcome)
            return
        self._running.pop(_key(job), None)
        self._resume_from.pop(_key(job), None)
        self._study.confirm(job.number, Confirmation(job.seed, outcome, job.fidelity))

    def interrupt(self, job: Job, cause: str, message: str) -> None:
        """Record an interruption; a further training has failed after MAX_ATTEMPTS attempts whose workers all died."""
        if job.repeat == 0:
            self._study.interrupt(job.number, cause, message)
            return
        self._running.pop(_key(job), None)
        self._losses[_key(job)] = self._losses.get(_key(job), 0) + (cause == WORKER_LOST)
        if self._losses[_key(job)] >= MAX_ATTEMPTS:
            failure = Failure.given_up(cause, MAX_ATTEMPTS, message)
            self._study.confirm(job.number, Confirmation(job.seed, Outcome(failure=failure), job.fidelity))


def _key(job: Job) -> tuple[int, int]:
    return job.number, job.repeat
