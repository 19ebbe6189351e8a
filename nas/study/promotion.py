"""Promotion of a study's promising trials up its ladder, to the training at the target.

A candidate's promise is the hypervolume that it is expected to add to the front of those that were trained at the
target, by its predicted accuracy there and the uncertainty of that (expected improvement). The one that promises most
for each second of its way to the target climbs a rung. Those that climb now count as if they were as good as predicted,
so that what is chosen beside them differs from them.
"""

import math
from collections.abc import Collection, Sequence
from statistics import NormalDist
from typing import NamedTuple

from nas.evaluation import Job
from nas.results.front import Result
from nas.results.ladder import Ladder
from nas.results.pareto import Point, hypervolume
from nas.results.region import reference_point
from nas.study.study import Study, trial_seed

# The number of trainings at the target.
MAX_FINALS = 15
# A candidate that promises less than this share of the front's hypervolume is not worth a training, once the front has
# UNCONDITIONAL_FINALS members trained at the target.
MIN_GAIN, UNCONDITIONAL_FINALS = 0.002, 6
# Candidates that are looked at more closely: those of the highest gain by an optimistic guess.
MAX_CANDIDATES, OPTIMISM_SDS = 60, 1.0
# An expectation is the mean over this many quantiles.
QUANTILES = tuple(NormalDist().inv_cdf((index + 0.5) / 8) for index in range(8))
# The share of a training's epochs after which it can be resumed.
CHECKPOINT_SHARE = 0.25
# A climb begins when this many times the price of its way to the target is left of the search's time.
MARGIN = 1.15
# The reference point's costs over the worst ones.
BEYOND = 1.1
# Trials that climb for each training at the target.
CLIMBERS_PER_FINAL = 2.5
# Time for trials is added while this share of the search's time is left and nothing else is worth it.
MIN_SHARE_FOR_TRIALS = 0.2


class Candidate(NamedTuple):
    """A result whose architecture was not trained at `rung` of the ladder yet, the lowest such rung.

    `way_s` are the expected seconds of its trainings up to the target.
    """

    result: Result
    rung: int
    way_s: float


class Promotions:
    """Chooses promotions of a study's trials, up to `max_finals` trainings at the target."""

    def __init__(self, study: Study, ladder: Ladder, max_finals: int = MAX_FINALS) -> None:
        self._study = study
        self._ladder = ladder
        self._max_finals = max_finals

    def next(self, running: Collection[Job]) -> Job | None:
        """Return the promotion of the greatest promise for its price; None when none is worth it, or fits the time."""
        climbing = {job.number for job in running}
        results = [result for result in self._study.results if result.is_within_limits]
        finals = [result for result in results if result.is_confirmed or result.trial.number in climbing]
        if len(finals) >= self._max_finals:
            return None
        others = [result for result in results if not result.is_confirmed and result.trial.number not in climbing]
        climbed = [result for result in others if result.trial.confirmations]
        if len(climbed) + len(finals) >= CLIMBERS_PER_FINAL * self._max_finals:
            others = climbed
        candidates = [
            candidate for result in others if (candidate := self._candidate(result)) and self._fits(candidate)
        ]
        chosen = best_candidate(candidates, finals, self._reference(results))
        return None if chosen is None else self._job(chosen)

    def release_time(self) -> None:
        """Give some of the time that is left, if that is much, to further trials."""
        limit = self._study.time_limit
        if limit is not None and limit.left_s > MIN_SHARE_FOR_TRIALS * limit.seconds:
            limit.extend_trials()

    def _reference(self, results: Sequence[Result]) -> Point:
        """The worst corner of the region of interest, beyond the slowest network, or that would be worth nothing."""
        if not results:
            return ()
        *costs, loss = reference_point([result.losses for result in results], self._study.settings)
        return _scaled((*(BEYOND * cost for cost in costs), loss))

    def _candidate(self, result: Result) -> Candidate | None:
        """The candidate; None where its architecture could not be trained at the next rung."""
        trial, rungs = result.trial, self._ladder.rungs
        accuracies = self._ladder.accuracies(trial)
        next_rung = accuracies.index(None) if None in accuracies else len(rungs)
        if next_rung == len(rungs) or any(further.fidelity == rungs[next_rung] for further in trial.confirmations):
            return None
        # In proportion to the longest training so far.
        longest = next_rung - 1
        outcomes = {further.fidelity: further.outcome for further in trial.confirmations}
        outcome = outcomes.get(rungs[longest], trial.outcome)
        image_s = (0.0 if outcome is None else outcome.train_s) / rungs[longest].presented
        return Candidate(result, next_rung, image_s * sum(rung.presented for rung in rungs[next_rung:]))

    def _fits(self, candidate: Candidate) -> bool:
        """Whether the trainings up to the target are expected to end within the search's time."""
        limit = self._study.time_limit
        return limit is None or limit.has_room_for(MARGIN * candidate.way_s)

    def _job(self, candidate: Candidate) -> Job:
        trial, fidelity = candidate.result.trial, self._ladder.rungs[candidate.rung]
        step = max(1, round(CHECKPOINT_SHARE * fidelity.epochs))
        is_final = fidelity == self._ladder.target
        return Job(
            trial.architecture,
            trial_seed(self._study.settings.seed, trial.architecture.key, candidate.rung),
            trial.number,
            repeat=candidate.rung,
            # At the target it is measured again.
            known={} if is_final else self._study.recorded_latencies(trial.architecture),
            rungs=tuple(range(step, fidelity.epochs, step)),
            fidelity=fidelity,
            is_final=is_final,
        )


def best_candidate(candidates: Sequence[Candidate], finals: Sequence[Result], reference: Point) -> Candidate | None:
    """Return the candidate with the greatest expected gain for its price; None where no gain is worth it."""
    front = [_scaled(result.losses) for result in finals]
    volume = hypervolume(front, reference)

    def gain(candidate: Candidate, sds: float) -> float:
        *costs, loss = _scaled(candidate.result.losses)
        return hypervolume([*front, (*costs, loss - sds * candidate.result.accuracy_sd)], reference) - volume

    optimistic = sorted(candidates, key=lambda candidate: -gain(candidate, OPTIMISM_SDS))[:MAX_CANDIDATES]
    gains = [(sum(gain(candidate, sds) for sds in QUANTILES) / len(QUANTILES), candidate) for candidate in optimistic]
    least = MIN_GAIN * volume if len(finals) >= UNCONDITIONAL_FINALS else 0.0
    worthwhile = [(expected, candidate) for expected, candidate in gains if expected > least]
    return max(worthwhile, key=lambda pair: pair[0] / max(1e-3, pair[1].way_s), default=(0.0, None))[1]


def _scaled(losses: Point) -> Point:
    """The losses with logarithms of costs: what is twice as fast counts as much among fast networks as among slow."""
    return (*(math.log(cost) for cost in losses[:-1]), losses[-1])
