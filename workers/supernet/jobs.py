"""Jobs that must all be done before a search begins: a nas.evaluation.AskTell beside the study's."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from nas.evaluation import Job
from nas.trial import MOST_ATTEMPTS, WORKER_LOST, Failure, Outcome


class Jobs:
    """`keep` is called with each rung that a job comes to, and with its end. A lost job goes on from its last rung."""

    def __init__(self, jobs: Iterable[Job], keep: Callable[[Job, Outcome], None]) -> None:
        self._waiting = deque(jobs)
        self._running: dict[int, Job] = {}
        self._losses: Counter[int] = Counter()
        self._keep = keep

    @property
    def is_over(self) -> bool:
        return not self._waiting and not self._running

    def ask(self) -> Job | None:
        if not self._waiting:
            return None
        job = self._waiting.popleft()
        self._running[job.number] = job
        return job

    def goes_on(self, job: Job, outcome: Outcome) -> bool:
        self._running[job.number] = replace(job, begun=outcome)
        self._keep(job, outcome)
        return True

    def tell(self, job: Job, outcome: Outcome) -> None:
        del self._running[job.number]
        self._keep(job, outcome)

    def interrupt(self, job: Job, cause: str, message: str) -> None:
        """One that was tried often enough has failed."""
        self._losses[job.number] += cause == WORKER_LOST
        if self._losses[job.number] >= MOST_ATTEMPTS:
            self.tell(job, Outcome(failure=Failure.given_up(cause, MOST_ATTEMPTS, message)))
            return
        self._waiting.appendleft(self._running.pop(job.number))
