"""A search's last part: candidates for the front are trained again with other seeds until the front is confirmed.

The accuracy of the best of many noisy trials is an overestimate, the more so the more trials there are. A member's
accuracy becomes the mean over its further seeds; a member that is dropped makes room for another, which is confirmed in
turn. Then come trials that one unlucky seed may have kept off the front, half as many as the front has members.

The noisier the trials, the more of them look better than the confirmed ones. So the number of confirmed trials is
bounded; members that are still unconfirmed then stay on the front with the search's own accuracy, and are marked.
"""

import math
from collections.abc import Collection, Sequence

from nas.evaluation import Job
from nas.results.front import Result, contenders, near_front
from nas.results.pareto import dominates
from nas.study.study import Study, trial_seed
from nas.trial import MAX_ATTEMPTS, WORKER_LOST, Confirmation, Failure, Outcome

# Trials near the front that are confirmed, as a share of the number of contenders.
NEAR_SHARE = 0.5
# The number of confirmed trials is at most this share of the trials that are done, or MIN_BOUND where that is more.
MAX_CONFIRMED_SHARE, MIN_BOUND = 0.15, 20


class ConfirmedSearch:
    """A study's trials, and after them `repeats` confirmations of each contender for its front and of trials near it.

    Only finished confirmations are recorded: `ask` returns one that was cut off again.
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
        """Return the study's next trial, or after the last one a confirmation; None when there is none for now."""
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
        """Record an interruption; a confirmation has failed after MAX_ATTEMPTS attempts whose workers all died."""
        if job.repeat == 0:
            self._study.interrupt(job.number, cause, message)
            return
        key = (job.number, job.repeat)
        self._running.discard(key)
        self._losses[key] = self._losses.get(key, 0) + (cause == WORKER_LOST)
        if self._losses[key] >= MAX_ATTEMPTS:
            failure = Failure.given_up(cause, MAX_ATTEMPTS, message)
            self._study.confirm(job.number, Confirmation(job.seed, Outcome(failure=failure)))

    def _next_confirmation(self) -> Job | None:
        if self._repeats == 0:
            return None
        results = self._study.results
        # The most accurate first: their accuracies are the likeliest overestimates.
        members = sorted(contenders(results), key=lambda member: member.losses[-1])
        running = {number for number, _ in self._running}
        started = {result.trial.number for result in results if result.trial.confirmations} | running
        places = max(MIN_BOUND, math.ceil(MAX_CONFIRMED_SHARE * self._study.done)) - len(started)
        near = [result for result in results if result.trial.number in started and _is_kept_off(result, members)]
        near_places = min(places, math.ceil(NEAR_SHARE * len(members)) - len(near))
        allowed = [*_within(members, started, places), *_within(near_front(results), started, near_places)]
        # One further seed often drops a lucky trial, and saves the others: so a second seed is not started before the
        # first one has ended while there is anything else to do.
        return self._first_missing(sorted(allowed, key=lambda candidate: candidate.trial.number in running))

    def _first_missing(self, candidates: Sequence[Result]) -> Job | None:
        for candidate in candidates:
            trial = candidate.trial
            seeds = {confirmation.seed for confirmation in trial.confirmations}
            for repeat in range(1, self._repeats + 1):
                seed = trial_seed(self._study.settings.seed, trial.architecture.key, repeat)
                if seed not in seeds and (trial.number, repeat) not in self._running:
                    return Job(trial.architecture, seed, trial.number, repeat)
        return None


def _is_kept_off(candidate: Result, members: Sequence[Result]) -> bool:
    """Whether the trial's own accuracy, whatever its further seeds', is too low for the front of these members.

    Some member dominates it by its own seed and by its further ones; otherwise the trial was a contender.
    """
    own = candidate.searched_losses
    return any(dominates(member.losses, own) and dominates(member.searched_losses, own) for member in members)


def _within(candidates: Sequence[Result], started: Collection[int], places: int) -> list[Result]:
    """Select the candidates whose confirmation has started, in their order, then as many others as there are places."""
    ongoing = [candidate for candidate in candidates if candidate.trial.number in started]
    others = [candidate for candidate in candidates if candidate.trial.number not in started]
    return [*ongoing, *others[: max(0, places)]]
