"""Jobs beside a study's trials, alone or before another search's, with the interface nas.evaluation.AskTell."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from nas.evaluation import AskTell, Job
from nas.trial import MAX_ATTEMPTS, WORKER_LOST, Failure, Outcome

# Urgent baselines before the first trial, and the share of the trials' training time that all of them may take then.
FIRST_BASELINES = 2
MAX_BASELINES_SHARE = 0.2


class Jobs:
    """A queue of jobs. `keep` is called with a job's outcome at each rung and at its end.

    A lost job resumes from its last rung. `ready` completes a job when it is asked for, with what is known by then. The
    first `urgent` jobs come before those of the search beside this queue.
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        keep: Callable[[Job, Outcome], None],
        ready: Callable[[Job], Job] = lambda job: job,
        urgent: int = 0,
    ) -> None:
        self._waiting = deque(jobs)
        self._running: dict[int, Job] = {}
        self._losses: Counter[int] = Counter()
        self._keep = keep
        self._ready = ready
        self._urgent = urgent

    @property
    def is_running(self) -> bool:
        return bool(self._running)

    @property
    def is_urgent(self) -> bool:
        """Whether the next job is one of the urgent ones."""
        return self._urgent > 0 and bool(self._waiting)

    @property
    def is_over(self) -> bool:
        return not self._waiting and not self._running

    def ask(self) -> Job | None:
        if not self._waiting:
            return None
        self._urgent -= 1
        job = self._ready(self._waiting.popleft())
        self._running[job.number] = job
        return job

    def should_continue(self, job: Job, outcome: Outcome) -> bool:
        self._running[job.number] = replace(job, resume_from=outcome)
        self._keep(job, outcome)
        return True

    def tell(self, job: Job, outcome: Outcome) -> None:
        del self._running[job.number]
        self._keep(job, outcome)

    def interrupt(self, job: Job, cause: str, message: str) -> None:
        """Queue a lost job again; after MAX_ATTEMPTS attempts whose workers all died it has failed."""
        self._losses[job.number] += cause == WORKER_LOST
        if self._losses[job.number] >= MAX_ATTEMPTS:
            self.tell(job, Outcome(failure=Failure.given_up(cause, MAX_ATTEMPTS, message)))
            return
        self._waiting.appendleft(self._running.pop(job.number))


class BaselinesFirst:
    """Baselines' jobs and those of a search for the same workers, of which none is idle.

    FIRST_BASELINES urgent jobs come first. The other urgent ones come between the trials, one at a time, while all
    baselines took at most MAX_BASELINES_SHARE of the trials' training time: a search that is cut off early has both.
    The baselines' other jobs come last.
    """

    def __init__(self, baselines: Jobs, search: AskTell) -> None:
        self._baselines = baselines
        self._search = search
        self._first = FIRST_BASELINES
        self._baselines_s = self._trials_s = 0.0

    @property
    def is_over(self) -> bool:
        return self._baselines.is_over and self._search.is_over

    def ask(self) -> Job | None:
        if self._baselines.is_urgent and (self._first > 0 or self._has_time_for_baselines):
            self._first -= 1
            return self._baselines.ask()
        return self._search.ask() or self._baselines.ask()

    @property
    def _has_time_for_baselines(self) -> bool:
        return not self._baselines.is_running and self._baselines_s <= MAX_BASELINES_SHARE * self._trials_s

    def should_continue(self, job: Job, outcome: Outcome) -> bool:
        return self._part_of(job).should_continue(job, outcome)

    def tell(self, job: Job, outcome: Outcome) -> None:
        if job.is_baseline:
            self._baselines_s += outcome.train_s
        else:
            self._trials_s += outcome.train_s
        self._part_of(job).tell(job, outcome)

    def interrupt(self, job: Job, cause: str, message: str) -> None:
        self._part_of(job).interrupt(job, cause, message)

    def _part_of(self, job: Job) -> AskTell:
        return self._baselines if job.is_baseline else self._search
