"""The Pareto front of a study's trials, as objects and as the JSON that other programs rely on."""

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from nas.errors import UnknownNameError, UserError
from nas.expected import expectation
from nas.objective import ACCURACY, LATENCY, Measurement
from nas.pareto import Point, hypervolume, knee, non_dominated
from nas.trial import Trial, TrialState

PICKS = ("knee", "accuracy", "latency", "trial:N")


class Result(NamedTuple):
    """A complete trial with the figures that a front is made of, all present.

    `accuracies` has one figure for each seed that the architecture was trained with, the search's own first;
    `expected_accuracy` is what they promise, by which the front is judged.
    """

    trial: Trial
    accuracies: tuple[float, ...]
    expected_accuracy: float
    latency: Measurement
    parameters: int

    @property
    def accuracy(self) -> float:
        """The mean over seeds."""
        return statistics.fmean(self.accuracies)

    @property
    def accuracy_std(self) -> float | None:
        """The sample standard deviation over seeds, None of one seed."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None

    @property
    def losses(self) -> Point:
        return (LATENCY.loss(self.latency.median), ACCURACY.loss(self.expected_accuracy))


def results(trials: Sequence[Trial], max_latency_ms: float | None = None) -> list[Result]:
    """The complete trials, those over `max_latency_ms` left out."""
    accuracies = {trial.number: found for trial in trials if (found := _accuracies(trial))}
    expected = expectation(list(accuracies.values()))
    return [
        Result(trial, own, expected(own), outcome.latency, outcome.parameters)
        for trial in trials
        if (own := accuracies.get(trial.number))
        and (outcome := trial.outcome) is not None
        and outcome.latency is not None
        and outcome.parameters is not None
        and (max_latency_ms is None or outcome.latency.median <= max_latency_ms)
    ]


def _accuracies(trial: Trial) -> tuple[float, ...]:
    """With each seed, the search's own first; none of a trial that is not complete."""
    if trial.state is not TrialState.COMPLETE or trial.outcome is None or trial.outcome.accuracy is None:
        return ()
    again = (confirmation.outcome.accuracy for confirmation in trial.confirmations)
    return (trial.outcome.accuracy, *(accuracy for accuracy in again if accuracy is not None))


def front(candidates: Sequence[Result]) -> list[Result]:
    """The non-dominated results by latency and expected accuracy, the fastest first."""
    return [candidates[index] for index in non_dominated([candidate.losses for candidate in candidates])]


def front_hypervolume(candidates: Sequence[Result], max_latency_ms: float | None = None) -> float:
    """Accuracy times milliseconds that the front dominates, from accuracy 0 and the latency limit.

    Without a limit the slowest result is the reference, so the figure compares moments of one study, not studies.
    """
    if not candidates:
        return 0.0
    limit = max(candidate.latency.median for candidate in candidates) if max_latency_ms is None else max_latency_ms
    return hypervolume([candidate.losses for candidate in candidates], (LATENCY.loss(limit), ACCURACY.loss(0.0)))


def pick(candidates: Sequence[Result], how: str) -> Result:
    """One result: the front's `knee`, its most accurate, its fastest, or `trial:N` whether on the front or not.

    Raises UnknownNameError for another word or a trial that is not complete, UserError when there is none to pick from.
    """
    if how.startswith("trial:"):
        by_number = {str(candidate.trial.number): candidate for candidate in candidates}
        if how.removeprefix("trial:") not in by_number:
            raise UnknownNameError("pick", how, (*PICKS[:-1], *(f"trial:{number}" for number in by_number)))
        return by_number[how.removeprefix("trial:")]
    if how not in PICKS[:-1]:
        raise UnknownNameError("pick", how, PICKS)
    members = front(candidates)
    if not members:
        raise UserError("the study has no complete trial to pick from (within the latency limit, if one is given)")
    if how == "knee":
        return members[knee([member.losses for member in members])]
    return members[-1] if how == "accuracy" else members[0]


def as_json(result: Result) -> dict[str, Any]:
    """The object that `nas front --json` lists."""
    return {
        "trial": result.trial.number,
        "key": result.trial.architecture.key,
        "stages": [stage.to_dict() for stage in result.trial.architecture.stages],
        "parameters": result.parameters,
        "accuracy": result.accuracy,
        "accuracy_std": result.accuracy_std,
        "seeds": len(result.accuracies),
        "latency_ms": result.latency.median,
        "latency_iqr_ms": result.latency.iqr,
    }
