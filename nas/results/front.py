"""The Pareto front of a study's trials, as objects and as the JSON that other programs rely on.

The front is decided by the accuracy that is shown: the mean over the seeds that confirmed the trial, without the
search's own seed, by which the trial was chosen. An unconfirmed trial has only the search's own.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nas.errors import UnknownNameError, UserError
from nas.objective import ACCURACY, LATENCY, Measurement, Objective, least_disturbed, pooled
from nas.results.expectation import expectations, seed_results
from nas.results.membership import front_probabilities
from nas.results.pareto import Point, knee, non_dominated
from nas.results.settings import ComparableSettings
from nas.trial import Confirmation, Trial

# The standard normal distribution's 95% quantile.
NORMAL_90 = 1.645
PICKS = ("knee", "accuracy", "latency", "trial:N")
# Other words for a pick.
PICK_ALIASES = {"fastest": "latency"}


class Result(NamedTuple):
    """A complete trial with all figures that a front needs.

    `accuracies` has one figure for each seed that the architecture was trained with, the search's own first;
    `expected_accuracy` is their shrinkage estimate, which decides only what is confirmed next. `latency` is the latest
    one, measured during confirmation if there was one. `changed` names the objectives whose figure left the first one's
    confidence interval then, `unreliable` those known from a few disturbed rounds only. `losses` are the study's
    objectives as shown, to be minimised, accuracy last; `searched_losses` the same before confirmation.
    `is_over_limit` marks a trial that met the latency limit in the search and exceeds it now, `is_below_min_accuracy`
    one that is less accurate than the user accepts. `accuracy_sd` is the standard deviation of the accuracy given one
    seed, `standard_error` that of `accuracy`, from the differences between seeds in the whole study; both are 0 while
    unknown.
    `is_predicted` marks a result that was not trained as others were: an untrained supernet member where others were
    trained, a trial below the target training where others have reached it. Its accuracy is not comparable with theirs,
    so it is on no front, and its loss is what that training is expected to give; `accuracy_sd` is the prediction's.
    `final` is the training at the target of the study's ladder, None without one; of those that have one
    `front_probability` is the probability that it belongs to the front.
    """

    trial: Trial
    accuracies: tuple[float, ...]
    expected_accuracy: float
    latency: Measurement
    parameters: int
    losses: Point
    searched_losses: Point
    changed: frozenset[str] = frozenset()
    accuracy_sd: float = 0.0
    standard_error: float = 0.0
    is_over_limit: bool = False
    is_below_min_accuracy: bool = False
    unreliable: frozenset[str] = frozenset()
    is_predicted: bool = False
    final: Confirmation | None = None
    front_probability: float | None = None

    @property
    def is_within_limits(self) -> bool:
        """Whether it may be on a front: it keeps the study's limits on latency and accuracy."""
        return not (self.is_over_limit or self.is_below_min_accuracy)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval that holds the accuracy with a probability of 90%; None while its error is not known."""
        if self.standard_error == 0:
            return None
        margin = NORMAL_90 * self.standard_error
        return max(0.0, self.accuracy - margin), min(1.0, self.accuracy + margin)

    @property
    def is_confirmed(self) -> bool:
        """Whether the architecture was trained with a further seed, which had no part in choosing it."""
        return len(self.accuracies) > 1

    @property
    def reported(self) -> tuple[float, ...]:
        """The accuracies that are shown and compared."""
        return reported(self.accuracies)

    @property
    def accuracy(self) -> float:
        """The mean of the reported accuracies."""
        return statistics.fmean(self.reported)

    @property
    def figures(self) -> Mapping[str, float]:
        """The figure of each objective by name, with the latest latencies."""
        repeated = {name: measurement.median for name, measurement in _repeated_latencies(self.trial).items()}
        return {**(self.trial.outcome.figures if self.trial.outcome is not None else {}), **repeated}

    @property
    def accuracy_std(self) -> float | None:
        """The sample standard deviation of the reported accuracies; None for one seed."""
        return statistics.stdev(self.reported) if len(self.reported) > 1 else None


def reported(accuracies: tuple[float, ...]) -> tuple[float, ...]:
    """Omit the search's own accuracy, by which the trial was chosen, once there are others."""
    return accuracies[1:] or accuracies


def results(trials: Sequence[Trial], settings: ComparableSettings) -> list[Result]:
    """Return the results of the complete trials of a study with these settings."""
    ladder = settings.ladder
    target = None if ladder is None else ladder.target
    trained = {trial.number: seeds for trial in trials if (seeds := seed_results(trial, target))}
    complete = [trial for trial in trials if trial.number in trained]
    expected_by_trial = expectations(complete, trained, ladder)
    objectives, limits = ordered_objectives(settings), settings.limits
    complete_results = []
    for trial in trials:
        runs, outcome = trained.get(trial.number, ()), trial.outcome
        if not runs or outcome is None or outcome.latency is None or outcome.parameters is None:
            continue
        repeated = _repeated_latencies(trial)
        latency = repeated.get(LATENCY.name, outcome.latency)
        medians = {name: measurement.median for name, measurement in repeated.items()}
        searched, expected = outcome.figures, expected_by_trial[trial.number]
        accuracies = tuple(run.accuracy for run in runs)
        accuracy = expected.accuracy if expected.is_predicted else statistics.fmean(reported(accuracies))
        shown = {**searched, **medians, ACCURACY.name: accuracy}
        if all(objective.name in shown for objective in objectives):
            losses, searched_losses = (
                tuple([objective.loss(figures[objective.name]) for objective in objectives])
                for figures in (shown, searched)
            )
            first = outcome.measured
            changed = frozenset(
                name for name, latest in repeated.items() if name in first and not first[name].agrees_with(latest)
            )
            unreliable = frozenset(name for name, latest in {**first, **repeated}.items() if not latest.is_usable)
            complete_results.append(
                Result(
                    trial,
                    accuracies,
                    expected.accuracy,
                    latency,
                    outcome.parameters,
                    losses,
                    searched_losses,
                    changed,
                    expected.accuracy_sd,
                    expected.standard_error,
                    is_over_limit=not limits.allow_latency(latency.median),
                    is_below_min_accuracy=not limits.allow_accuracy(accuracy),
                    unreliable=unreliable,
                    is_predicted=expected.is_predicted,
                    final=None if ladder is None else ladder.final(trial),
                )
            )
    return _with_probabilities(complete_results)


def _with_probabilities(complete: Sequence[Result]) -> list[Result]:
    """Fill in the probabilities of those that were trained at the target and keep the limits."""
    finals = [result for result in complete if result.final is not None and result.is_within_limits]
    losses, errors = [result.losses for result in finals], [result.standard_error for result in finals]
    probabilities = dict(
        zip((result.trial.number for result in finals), front_probabilities(losses, errors), strict=True)
    )
    return [result._replace(front_probability=probabilities.get(result.trial.number)) for result in complete]


def ordered_objectives(settings: ComparableSettings) -> list[Objective]:
    """Return the study's objectives, accuracy last."""
    return sorted(settings.objectives, key=lambda objective: objective.maximise)


def _repeated_latencies(trial: Trial) -> dict[str, Measurement]:
    """Return the latencies measured during confirmation, by objective; they had no part in choosing the trial.

    A measurement of a few disturbed rounds replaces only one that was disturbed more.
    """
    first = trial.outcome.measured if trial.outcome is not None else {}
    by_objective: dict[str, list[Measurement]] = {}
    for confirmation in trial.confirmations:
        for name, measurement in confirmation.outcome.measured.items():
            by_objective.setdefault(name, []).append(measurement)
    repeated = {}
    for name, measurements in by_objective.items():
        combined = pooled(measurements)
        if combined.is_usable:
            repeated[name] = combined
        elif name in first and (best := least_disturbed([first[name], *measurements])) is not first[name]:
            repeated[name] = best
    return repeated


def contenders(candidates: Sequence[Result]) -> list[Result]:
    """Return the candidates for confirmation, cheapest first: the front if each score were the training it predicts.

    Results over the latency limit, and below the least accuracy, are excluded.
    """
    within = [result for result in candidates if result.is_within_limits]
    return [within[index] for index in non_dominated([result.losses for result in within])]


def front(candidates: Sequence[Result]) -> list[Result]:
    """Return the results that no other one dominates by the figures that are shown, cheapest first.

    Results over the latency limit, and below the least accuracy, are excluded.
    """
    return contenders([result for result in candidates if not result.is_predicted])


def near_front(candidates: Sequence[Result]) -> list[Result]:
    """Return the results that one unlucky seed may have kept from being contenders, closest first.

    Their expected accuracy is below that of the best equally cheap contender by less than one standard deviation of
    the accuracy given one seed.
    """
    members = contenders(candidates)
    member_numbers = {member.trial.number for member in members}

    def gap_to_best(candidate: Result) -> float:
        """Return the gap to the best equally cheap contender. There is one: the contender that dominates it."""
        costs = candidate.losses[:-1]
        as_cheap = (m for m in members if all(x <= y for x, y in zip(m.losses, costs, strict=False)))
        return max(member.expected_accuracy for member in as_cheap) - candidate.expected_accuracy

    others = (result for result in candidates if result.trial.number not in member_numbers and result.is_within_limits)
    gaps = [(gap_to_best(result), result) for result in others]
    return [result for gap, result in sorted(gaps, key=lambda pair: pair[0]) if gap < result.accuracy_sd]


def dropped_from_front(candidates: Sequence[Result]) -> list[Result]:
    """Return the confirmed results that the front dominates, and those over the latency limit now, cheapest first."""
    on_front = {member.trial.number for member in front(candidates)}
    others = (result for result in candidates if result.trial.number not in on_front)
    return sorted(
        (result for result in others if result.is_confirmed or result.is_over_limit), key=lambda result: result.losses
    )


def similar_to(result: Result, members: Sequence[Result]) -> list[int]:
    """Return the trial numbers of the members whose accuracy differs by less than the standard error of the difference.

    Empty until further seeds show how accuracies vary.
    """
    return [
        other.trial.number
        for other in members
        if other.trial.number != result.trial.number
        and abs(other.accuracy - result.accuracy) < math.hypot(other.standard_error, result.standard_error)
    ]


def pick(candidates: Sequence[Result], choice: str) -> Result:
    """Pick one result: `knee`, `accuracy` or `latency` (also `fastest`) of the front, or `trial:N`, on it or not.

    Raises UnknownNameError for another choice or a trial that is not complete, UserError without any result.
    """
    if choice.startswith("trial:"):
        by_number = {str(candidate.trial.number): candidate for candidate in candidates}
        if choice.removeprefix("trial:") not in by_number:
            raise UnknownNameError("pick", choice, (*PICKS[:-1], *(f"trial:{number}" for number in by_number)))
        return by_number[choice.removeprefix("trial:")]
    choice = PICK_ALIASES.get(choice, choice)
    if choice not in PICKS[:-1]:
        raise UnknownNameError("pick", choice, PICKS)
    members = front(candidates)
    if not members:
        limited = " within its own limits; --pick trial:N takes any" if candidates else ""
        raise UserError(f"the study has no complete trial to pick from{limited}")
    if choice == "knee":
        return members[knee([member.losses for member in members])]
    if choice == "accuracy":
        return max(members, key=lambda member: (member.accuracy, -member.latency.median))
    return min(members, key=lambda member: (member.latency.median, -member.accuracy))


def as_json(result: Result, members: Sequence[Result]) -> dict[str, Any]:
    """Return a result as JSON values, with the front members whose accuracy is not distinguishable from its own."""
    return {
        "trial": result.trial.number,
        "key": result.trial.architecture.key,
        "recipe": result.trial.architecture.recipe,
        "blueprint": result.trial.architecture.blueprint.to_dict(),
        "stages": [stage.to_dict() for stage in result.trial.architecture.stages],
        "parameters": result.parameters,
        "accuracy": result.accuracy,
        "accuracy_std": result.accuracy_std,
        "expected_accuracy": result.expected_accuracy,
        "seeds": len(result.reported),
        "confirmed": result.is_confirmed,
        "similar_to": similar_to(result, members),
        "accuracy_interval": None if result.interval is None else list(result.interval),
        "front_probability": result.front_probability,
        "target_training": None if result.final is None else vars(result.final.fidelity).copy(),
        "test_accuracy": None if result.final is None else result.final.test_accuracy,
        "latency_ms": result.latency.median,
        "latency_iqr_ms": result.latency.iqr,
        "latency_interval_ms": list(result.latency.interval),
        "latency_usable": result.latency.is_usable,
        "unsure": sorted(result.unreliable),
        "over_limit": result.is_over_limit,
        "below_min_accuracy": result.is_below_min_accuracy,
        "latency_precise": result.latency.is_precise,
        "moved": sorted(result.changed),
        "figures": dict(result.figures),
    }
