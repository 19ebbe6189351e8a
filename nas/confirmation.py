"""A search's last part: what may be on the front is trained again with other seeds, until all that is left was.

The best of many noisy trials is over-claimed, the more so the more trials there were. A member's accuracy becomes the
mean over its seeds; one that falls off makes room for another, which is confirmed in its turn. Then those that one
unlucky seed may have kept from among them have their turn, as far as few were confirmed besides.
"""

import math
from collections.abc import Sequence

from nas.evaluation import Job
from nas.front import Result, contenders, near_front
from nas.study import Study, trial_seed
from nas.trial import MOST_ATTEMPTS, WORKER_LOST, Confirmation, Failure, Outcome

# Besides the contenders so many are confirmed, as a share of them.
NEAR = 0.5


class ConfirmedSearch:
    """A study's trials, and when they are done `repeats` confirmations of each contender for its front, and near them.

    Only finished confirmations are on record: one that was cut off is asked for again.
    """

    def __init__(self, study: Study, repeats: int) -> None:
        self._study = study
        self._repeats = repeats
        self._running: set[tuple[int, int]] = set()
        self._losses: dict[tuple[int, int], int] = {}

    @property
    def is_over(self) -> bool:
        return self._study.is_over and not self._running and self._next_confirmation() is None

    def ask(self) -> Job | None:
        """The study's next trial; when it has none left, the next confirmation; None when there is none for now."""
        trial = self._study.ask()
        if trial is not None:
            known = self._study.recorded_latencies(trial.architecture)
            begun = self._study.begun(trial.architecture)
            rungs = self._study.rungs
            return Job(trial.architecture, trial.seed, trial.number, known=known, rungs=rungs, begun=begun)
        job = self._next_confirmation()
        if job is not None:
            self._running.add((job.number, job.repeat))
        return job

    def goes_on(self, job: Job, outcome: Outcome) -> bool:
        return self._study.goes_on(job.number, outcome)

    def tell(self, job: Job, outcome: Outcome) -> None:
        if job.repeat == 0:
            self._study.tell(job.number, outcome)
        else:
            self._running.discard((job.number, job.repeat))
            self._study.confirm(job.number, Confirmation(job.seed, outcome))

    def interrupt(self, job: Job, cause: str, message: str) -> None:
        """A confirmation that was tried again three times, and whose worker died each time, is recorded as failed."""
        if job.repeat == 0:
            self._study.interrupt(job.number, cause, message)
            return
        name = (job.number, job.repeat)
        self._running.discard(name)
        self._losses[name] = self._losses.get(name, 0) + (cause == WORKER_LOST)
        if self._losses[name] >= MOST_ATTEMPTS:
            failure = Failure.given_up(cause, MOST_ATTEMPTS, message)
            self._study.confirm(job.number, Confirmation(job.seed, Outcome(failure=failure)))

    def _next_confirmation(self) -> Job | None:
        if self._repeats == 0:
            return None
        found = self._study.results
        members = contenders(found)
        near = near_front(found)
        among_them = {member.trial.number for member in members}
        besides = sum(bool(each.trial.confirmations) for each in found if each.trial.number not in among_them)
        left = max(0, math.ceil(NEAR * len(members)) - besides)
        near.sort(key=lambda each: not each.trial.confirmations)
        begun = sum(bool(each.trial.confirmations) for each in near)
        return self._first_lacking([*members, *near[: begun + left]])

    def _first_lacking(self, candidates: Sequence[Result]) -> Job | None:
        for member in candidates:
            trial = member.trial
            taken = {confirmation.seed for confirmation in trial.confirmations}
            for repeat in range(1, self._repeats + 1):
                seed = trial_seed(self._study.settings["seed"], trial.architecture.key, repeat)
                if seed not in taken and (trial.number, repeat) not in self._running:
                    return Job(trial.architecture, seed, trial.number, repeat)
        return None
