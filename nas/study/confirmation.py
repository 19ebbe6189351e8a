"""A search's last part: what may be on the front is trained again with other seeds, until the whole front was.

The best of many noisy trials is over-claimed, the more so the more trials there were. A member's accuracy becomes the
mean over its further seeds; one that falls off makes room for another, which is confirmed in its turn. Then those that
one unlucky seed may have kept off the front have their turn, half as many as the front has members.

The noisier the trials, the more of them look better than what was confirmed. So the number of confirmed trials is
bounded; what is still unconfirmed on the front then stays there by the search's own accuracy, and is marked.
"""

import math
from collections.abc import Collection, Sequence

from nas.evaluation import Job
from nas.results.front import Result, contenders, near_front
from nas.results.pareto import dominates
from nas.study.study import Study, trial_seed
from nas.trial import MAX_ATTEMPTS, WORKER_LOST, Confirmation, Failure, Outcome

# As many near-members are confirmed as this share of the contenders' number.
NEAR = 0.5
# At most this share of the trials on record is confirmed, and never fewer than MIN_BOUND are allowed.
MAX_CONFIRMED_SHARE, MIN_BOUND = 0.15, 20


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
            resume_from = self._study.resume_from(trial.architecture)
            rungs = self._study.rungs
            return Job(trial.architecture, trial.seed, trial.number, known=known, rungs=rungs, resume_from=resume_from)
        job = self._next_confirmation()
        if job is not None:
            self._running.add((job.number, job.repeat))
        return job

    def should_continue(self, job: Job, outcome: Outcome) -> bool:
        return self._study.should_continue(job.number, outcome)

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
        if self._losses[name] >= MAX_ATTEMPTS:
            failure = Failure.given_up(cause, MAX_ATTEMPTS, message)
            self._study.confirm(job.number, Confirmation(job.seed, Outcome(failure=failure)))

    def _next_confirmation(self) -> Job | None:
        if self._repeats == 0:
            return None
        found = self._study.results
        # The most accurate first: they are the likeliest to be over-claimed.
        members = sorted(contenders(found), key=lambda each: each.losses[-1])
        running = {number for number, _ in self._running}
        started = {each.trial.number for each in found if each.trial.confirmations} | running
        places = max(MIN_BOUND, math.ceil(MAX_CONFIRMED_SHARE * self._study.done)) - len(started)
        besides = [each for each in found if each.trial.number in started and _is_kept_off(each, members)]
        near_places = min(places, math.ceil(NEAR * len(members)) - len(besides))
        allowed = [*_within(members, started, places), *_within(near_front(found), started, near_places)]
        # One further seed often takes a lucky trial off, and saves the others: so none is started before its end is
        # known while there is anything else to do.
        return self._first_lacking(sorted(allowed, key=lambda each: each.trial.number in running))

    def _first_lacking(self, candidates: Sequence[Result]) -> Job | None:
        for candidate in candidates:
            trial = candidate.trial
            taken = {confirmation.seed for confirmation in trial.confirmations}
            for repeat in range(1, self._repeats + 1):
                seed = trial_seed(self._study.settings["seed"], trial.architecture.key, repeat)
                if seed not in taken and (trial.number, repeat) not in self._running:
                    return Job(trial.architecture, seed, trial.number, repeat)
        return None


def _is_kept_off(candidate: Result, members: Sequence[Result]) -> bool:
    """Whether the trial's own accuracy, whatever its further seeds say, is not enough for the front of these members.

    A member is better by its own seed and by its further ones: what that one is not better than was a contender.
    """
    own = candidate.searched_losses
    return any(dominates(member.losses, own) and dominates(member.searched_losses, own) for member in members)


def _within(candidates: Sequence[Result], started: Collection[int], places: int) -> list[Result]:
    """The candidates whose confirmation has started, in their order, then as many others as there are places."""
    others = [each for each in candidates if each.trial.number not in started]
    return [*(each for each in candidates if each.trial.number in started), *others[: max(0, places)]]
