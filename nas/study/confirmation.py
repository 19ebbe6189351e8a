"""Confirmation of a front: candidates for it are trained again with other seeds.

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

# Trials near the front that are confirmed, as a share of the number of contenders.
NEAR_SHARE = 0.5
# The number of confirmed trials is at most this share of the trials that are done, or MIN_BOUND where that is more.
MAX_CONFIRMED_SHARE, MIN_BOUND = 0.15, 20


class Confirmations:
    """Chooses `repeats` confirmations of each contender for a study's front and of trials near it."""

    def __init__(self, study: Study, repeats: int) -> None:
        self._study = study
        self._repeats = repeats

    def next(self, running: Collection[Job]) -> Job | None:
        """Return the next confirmation beside the running ones; None when there is none for now."""
        if self._repeats == 0:
            return None
        results = self._study.results
        # The most accurate first: their accuracies are the likeliest overestimates.
        members = sorted(contenders(results), key=lambda member: member.losses[-1])
        confirming = {job.number for job in running}
        started = {result.trial.number for result in results if result.trial.confirmations} | confirming
        places = max(MIN_BOUND, math.ceil(MAX_CONFIRMED_SHARE * self._study.done)) - len(started)
        near = [result for result in results if result.trial.number in started and _is_kept_off(result, members)]
        near_places = min(places, math.ceil(NEAR_SHARE * len(members)) - len(near))
        allowed = [*_within(members, started, places), *_within(near_front(results), started, near_places)]
        # One further seed often drops a lucky trial, and saves the others: so a second seed is not started before the
        # first one has ended while there is anything else to do.
        return self._first_missing(sorted(allowed, key=lambda result: result.trial.number in confirming), running)

    def release_time(self) -> None:
        """Do nothing: what time is left after confirmation is the user's."""

    def _first_missing(self, candidates: Sequence[Result], running: Collection[Job]) -> Job | None:
        confirming = {(job.number, job.repeat) for job in running}
        for candidate in candidates:
            trial = candidate.trial
            seeds = {confirmation.seed for confirmation in trial.confirmations}
            for repeat in range(1, self._repeats + 1):
                seed = trial_seed(self._study.settings.seed, trial.architecture.key, repeat)
                if seed not in seeds and (trial.number, repeat) not in confirming:
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
