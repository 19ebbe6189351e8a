"""The Pareto front of a study's trials, as objects and as the JSON that other programs rely on.

One figure per trial decides everything: the accuracy that is shown. It is the mean over the seeds that confirmed the
trial, since the search's own seed is the one that it was chosen by; of an unconfirmed trial it is the search's own.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nas.errors import UnknownNameError, UserError
from nas.objective import (
    ACCURACY,
    LATENCY,
    Measurement,
    Objective,
    least_disturbed,
    pooled,
    recorded_objectives,
)
from nas.results.pareto import Point, hypervolume, knee, non_dominated
from nas.results.shrinkage import Expectation, SeedResult, fit_shrinkage, of_scores
from nas.results.similarity import feature_columns
from nas.trial import Trial, TrialState

PICKS = ("knee", "accuracy", "latency", "trial:N")


class Result(NamedTuple):
    """A complete trial with the figures that a front is made of, all present.

    `accuracies` has one figure for each seed that the architecture was trained with, the search's own first;
    `expected_accuracy` is what they promise: it decides who is confirmed next, and not what is on the front. `latency`
    is the one measured last: when it was confirmed, where it was; `moved` names the objectives whose figure left the
    first one's confidence interval then, `unsure` those of which a few disturbed rounds are all that is known.
    `losses` are the study's objectives as they are shown, to be minimised, accuracy last; `searched_losses` the same by
    what the trial itself found, before it was confirmed; `is_over` says that it was within the latency limit then, and
    is not now. `doubt` is how far from what is expected an accuracy of one seed typically is, and `standard_error` that
    of `accuracy` by how seeds differ over the whole study; both are 0 while unknown.
    `is_score` marks an untrained member of a supernet, in a study that has trained others: its accuracy compares with
    none of theirs, so it is on no front, and its loss is what a training is expected to give.
    """

    trial: Trial
    accuracies: tuple[float, ...]
    expected_accuracy: float
    latency: Measurement
    parameters: int
    losses: Point
    searched_losses: Point
    moved: frozenset[str] = frozenset()
    doubt: float = 0.0
    standard_error: float = 0.0
    is_over: bool = False
    unsure: frozenset[str] = frozenset()
    is_score: bool = False

    @property
    def is_confirmed(self) -> bool:
        """Whether the architecture was trained with a seed that had no part in choosing it."""
        return len(self.accuracies) > 1

    @property
    def reported(self) -> tuple[float, ...]:
        """The accuracies that are shown and judged."""
        return reported(self.accuracies)

    @property
    def accuracy(self) -> float:
        """The mean over the seeds that are shown."""
        return statistics.fmean(self.reported)

    @property
    def figures(self) -> Mapping[str, float]:
        """What was found of each objective, by its name: latencies as they were measured last."""
        again = {name: taken.median for name, taken in _measured_again(self.trial).items()}
        return {**(self.trial.outcome.figures if self.trial.outcome is not None else {}), **again}

    @property
    def accuracy_std(self) -> float | None:
        """The sample standard deviation over the seeds that are shown, None of one seed."""
        return statistics.stdev(self.reported) if len(self.reported) > 1 else None


def reported(accuracies: tuple[float, ...]) -> tuple[float, ...]:
    """Leave out the search's own accuracy, by which the trial was chosen, once there are others."""
    return accuracies[1:] or accuracies


def results(trials: Sequence[Trial], settings: Mapping[str, Any]) -> list[Result]:
    """The complete trials of a study with these settings."""
    trained = {trial.number: found for trial in trials if (found := _trained(trial))}
    complete = [trial for trial in trials if trial.number in trained]
    # What no epoch led to is a score, and no training.
    has_scores = not any(trial.outcome is not None and trial.outcome.curve for trial in complete)
    if has_scores:
        expected: Expectation = of_scores(list(trained.values()))
    else:
        expected = fit_shrinkage(list(trained.values()), feature_columns([trial.architecture for trial in complete]))
    has_further_seeds = any(len(own) > 1 for own in trained.values())
    alike = dict(zip(trained, expected.alike, strict=True))
    doubt, objectives = expected.deviation, _objectives(settings)
    limit = settings.get("max_latency_ms")
    listed = []
    for trial in trials:
        own, outcome = trained.get(trial.number), trial.outcome
        if not own or outcome is None or outcome.latency is None or outcome.parameters is None:
            continue
        again = _measured_again(trial)
        latency = again.get(LATENCY.name, outcome.latency)
        medians = {name: taken.median for name, taken in again.items()}
        first, promise = outcome.figures, expected(own, alike[trial.number])
        accuracies = tuple(each.accuracy for each in own)
        is_score = has_scores and has_further_seeds and len(own) == 1
        judged = promise if is_score else statistics.fmean(reported(accuracies))
        shown = {**first, **medians, ACCURACY.name: judged}
        if all(each.name in shown for each in objectives):
            losses, searched = (
                tuple([each.loss(figures[each.name]) for each in objectives]) for figures in (shown, first)
            )
            measured = outcome.measured
            moved = frozenset(
                name for name, taken in again.items() if name in measured and not measured[name].agrees_with(taken)
            )
            unsure = frozenset(name for name, taken in {**measured, **again}.items() if not taken.is_usable)
            listed.append(
                Result(
                    trial,
                    accuracies,
                    promise,
                    latency,
                    outcome.parameters,
                    losses,
                    searched,
                    moved,
                    doubt,
                    expected.standard_error(len(reported(accuracies))),
                    is_over=limit is not None and latency.median > limit,
                    unsure=unsure,
                    is_score=is_score,
                )
            )
    return listed


def _objectives(settings: Mapping[str, Any]) -> list[Objective]:
    """The study's, accuracy last."""
    return sorted(recorded_objectives(settings), key=lambda objective: objective.maximise)


def _measured_again(trial: Trial) -> dict[str, Measurement]:
    """By objective, what was measured when the trial was confirmed: not, as the first figure is, why it was chosen.

    A figure of which nothing is known but a few disturbed rounds replaces none but one of more disturbed rounds.
    """
    first = trial.outcome.measured if trial.outcome is not None else {}
    taken: dict[str, list[Measurement]] = {}
    for each in trial.confirmations:
        for name, latency in each.outcome.measured.items():
            taken.setdefault(name, []).append(latency)
    found = {}
    for name, measurements in taken.items():
        again = pooled(measurements)
        if again.is_usable:
            found[name] = again
        elif name in first and (best := least_disturbed([first[name], *measurements])) is not first[name]:
            found[name] = best
    return found


def _trained(trial: Trial) -> tuple[SeedResult, ...]:
    """With each seed, the search's own first. None of a trial that is not complete, nor of a score whose member could
    not be trained.
    """
    if trial.state is not TrialState.COMPLETE or trial.outcome is None:
        return ()
    confirmations = [each.outcome for each in trial.confirmations]
    if not trial.outcome.curve and confirmations and all(each.accuracy is None for each in confirmations):
        return ()
    return tuple(
        SeedResult(outcome.accuracy, outcome.curve[-1].loss if outcome.curve else None)
        for outcome in (trial.outcome, *(confirmation.outcome for confirmation in trial.confirmations))
        if outcome.accuracy is not None
    )


def contenders(candidates: Sequence[Result]) -> list[Result]:
    """What is to be confirmed: the front, with scores taken for what a training is expected to give.

    The cheapest first. What is over the latency limit is none.
    """
    within = [each for each in candidates if not each.is_over]
    return [within[index] for index in non_dominated([each.losses for each in within])]


def front(candidates: Sequence[Result]) -> list[Result]:
    """The results that no other one dominates by the figures that are shown, the cheapest first.

    What is over the latency limit has no part in it.
    """
    return contenders([each for each in candidates if not each.is_score])


def near_front(candidates: Sequence[Result]) -> list[Result]:
    """The results that one unlucky seed may have kept from among the contenders, the closest first.

    What is expected of them is lower than what is expected of as cheap contenders by less than one seed misleads.
    """
    members = contenders(candidates)
    among_them = {member.trial.number for member in members}

    def behind(candidate: Result) -> float:
        """How much more is expected of the best contender that is as cheap. There is one, which dominates it."""
        costs = candidate.losses[:-1]
        as_cheap = (m for m in members if all(x <= y for x, y in zip(m.losses, costs, strict=False)))
        return max(member.expected_accuracy for member in as_cheap) - candidate.expected_accuracy

    others = (each for each in candidates if each.trial.number not in among_them and not each.is_over)
    gaps = [(behind(each), each) for each in others]
    return [each for gap, each in sorted(gaps, key=lambda pair: pair[0]) if gap < each.doubt]


def dropped_from_front(candidates: Sequence[Result]) -> list[Result]:
    """What was confirmed and is dominated by the front, or is over the latency limit since. The cheapest first."""
    on_front = {member.trial.number for member in front(candidates)}
    found = (each for each in candidates if (each.is_confirmed or each.is_over) and each.trial.number not in on_front)
    return sorted(found, key=lambda each: each.losses)


def similar_to(result: Result, members: Sequence[Result]) -> list[int]:
    """The numbers of the other members whose accuracy differs by less than the standard error of the difference.

    Until further seeds tell how accuracies vary there are none.
    """
    return [
        other.trial.number
        for other in members
        if other.trial.number != result.trial.number
        and abs(other.accuracy - result.accuracy) < math.hypot(other.standard_error, result.standard_error)
    ]


def front_hypervolume(candidates: Sequence[Result], settings: Mapping[str, Any]) -> float:
    """Accuracy times milliseconds (or what else is minimised) that the front dominates, from accuracy 0 and the limit.

    Without a limit, and of other objectives, the worst result is the reference, so the figure compares moments of one
    study, not studies.
    """
    if not candidates:
        return 0.0
    reference = reference_point([candidate.losses for candidate in candidates], settings)
    return hypervolume([member.losses for member in front(candidates)], reference)


def reference_point(points: Sequence[Point], settings: Mapping[str, Any]) -> Point:
    """What a study's hypervolume is measured from: accuracy 0, the latency limit if there is one, else the worst."""
    fixed = {ACCURACY.name: 0.0}
    if settings.get("max_latency_ms") is not None:
        fixed[LATENCY.name] = settings["max_latency_ms"]
    worst = [max(column) for column in zip(*points, strict=True)]
    return tuple(
        fixed.get(objective.name, found) for objective, found in zip(_objectives(settings), worst, strict=True)
    )


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
        raise UserError("the study has no complete trial to pick from")
    if how == "knee":
        return members[knee([member.losses for member in members])]
    if how == "accuracy":
        return max(members, key=lambda member: (member.accuracy, -member.latency.median))
    return min(members, key=lambda member: (member.latency.median, -member.accuracy))


def as_json(result: Result, members: Sequence[Result]) -> dict[str, Any]:
    """A result for other programs, with those of the front's members that its accuracy cannot be told from."""
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
        "latency_ms": result.latency.median,
        "latency_iqr_ms": result.latency.iqr,
        "latency_interval_ms": list(result.latency.interval),
        "latency_usable": result.latency.is_usable,
        "unsure": sorted(result.unsure),
        "over_limit": result.is_over,
        "latency_precise": result.latency.is_precise,
        "moved": sorted(result.moved),
        "figures": dict(result.figures),
    }
