"""The Pareto front of a study's trials, as objects and as the JSON that other programs rely on."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nas.alike import described
from nas.errors import UnknownNameError, UserError
from nas.expected import Seen, expectation, of_scores
from nas.objective import (
    ACCURACY,
    LATENCY,
    Measurement,
    Objective,
    least_disturbed,
    pooled,
    recorded_objectives,
)
from nas.pareto import Point, hypervolume, knee, non_dominated
from nas.told_apart import told_apart
from nas.trial import Trial, TrialState

PICKS = ("knee", "accuracy", "latency", "trial:N")


class Result(NamedTuple):
    """A complete trial with the figures that a front is made of, all present.

    `accuracies` has one figure for each seed that the architecture was trained with, the search's own first;
    `expected_accuracy` is what they promise, by which the front is judged, and `trained_again` how far a mean over as
    many new seeds would typically be from it, 0 while unknown. `latency` is the one measured last: when it was
    confirmed, where it was; `moved` names the objectives whose figure left the first one's confidence interval then,
    `unsure` those of which a few disturbed rounds are all that is known.
    `losses` are the study's objectives, to be minimised, accuracy last; `searched_losses` the same by what the trial
    itself found, before it was confirmed; `is_over` says that it was within the latency limit then, and is not now.
    `doubt` is how far from what is expected an accuracy of one seed typically is, 0 while unknown.
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
    trained_again: float = 0.0
    is_over: bool = False
    unsure: frozenset[str] = frozenset()

    @property
    def reported(self) -> tuple[float, ...]:
        """The accuracies that are told of: once there are further seeds, the one that it was chosen by is left out."""
        return self.accuracies[1:] or self.accuracies

    @property
    def accuracy(self) -> float:
        """The mean over the seeds that are told of."""
        return statistics.fmean(self.reported)

    @property
    def figures(self) -> Mapping[str, float]:
        """What was found of each objective, by its name: latencies as they were measured last."""
        again = {name: taken.median for name, taken in _measured_again(self.trial).items()}
        return {**(self.trial.outcome.figures if self.trial.outcome is not None else {}), **again}

    @property
    def accuracy_std(self) -> float | None:
        """The sample standard deviation over the seeds that are told of, None of one seed."""
        return statistics.stdev(self.reported) if len(self.reported) > 1 else None


def results(trials: Sequence[Trial], settings: Mapping[str, Any]) -> list[Result]:
    """The complete trials of a study with these settings."""
    trained = {trial.number: found for trial in trials if (found := _trained(trial))}
    complete = [trial for trial in trials if trial.number in trained]
    # What no epoch led to is a score, and no training.
    if any(trial.outcome is not None and trial.outcome.curve for trial in complete):
        expected = expectation(list(trained.values()), described([trial.architecture for trial in complete]))
    else:
        expected = of_scores(list(trained.values()))
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
        promised = {**first, **medians, ACCURACY.name: promise}
        if all(each.name in promised for each in objectives):
            losses, searched = (
                tuple([each.loss(figures[each.name]) for each in objectives]) for figures in (promised, first)
            )
            measured = outcome.measured
            moved = frozenset(
                name for name, taken in again.items() if name in measured and not measured[name].agrees_with(taken)
            )
            unsure = frozenset(name for name, taken in {**measured, **again}.items() if not taken.is_usable)
            listed.append(
                Result(
                    trial,
                    tuple(each.accuracy for each in own),
                    promise,
                    latency,
                    outcome.parameters,
                    losses,
                    searched,
                    moved,
                    doubt,
                    expected.trained_again(len(own)),
                    is_over=limit is not None and latency.median > limit,
                    unsure=unsure,
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


def _trained(trial: Trial) -> tuple[Seen, ...]:
    """With each seed, the search's own first. None of a trial that is not complete, nor of a score whose member could
    not be trained.
    """
    if trial.state is not TrialState.COMPLETE or trial.outcome is None:
        return ()
    confirmations = [each.outcome for each in trial.confirmations]
    if not trial.outcome.curve and confirmations and all(each.accuracy is None for each in confirmations):
        return ()
    return tuple(
        Seen(outcome.accuracy, outcome.curve[-1].loss if outcome.curve else None)
        for outcome in (trial.outcome, *(confirmation.outcome for confirmation in trial.confirmations))
        if outcome.accuracy is not None
    )


def contenders(candidates: Sequence[Result]) -> list[Result]:
    """What none is expected to dominate by the study's objectives, the cheapest first: among them is the front.

    What is over the latency limit is none.
    """
    within = [each for each in candidates if not each.is_over]
    return [within[index] for index in non_dominated([each.losses for each in within])]


def front(candidates: Sequence[Result]) -> list[Result]:
    """The contenders that can be told apart (nas/told_apart.py), the cheapest first.

    Until further seeds tell how accuracies vary, all can.
    """
    found = contenders(candidates)
    if not found:
        return []
    worst = tuple(max(column) for column in zip(*(each.losses for each in candidates), strict=True))
    kept = told_apart([each.losses for each in found], [each.trained_again for each in found], worst)
    return [found[index] for index in kept]


def near_front(candidates: Sequence[Result]) -> list[Result]:
    """Those beside the contenders that would be among them if they were as much more accurate as one seed may mislead.

    The closest first.
    """
    members = contenders(candidates)
    among_them = {member.trial.number for member in members}

    def behind(candidate: Result) -> float:
        """How much accuracy it lacks to be among them."""
        *others, accuracy_loss = candidate.losses
        ahead = (m.losses[-1] for m in members if all(x <= y for x, y in zip(m.losses, others, strict=False)))
        return accuracy_loss - min(ahead)

    others = (each for each in candidates if each.trial.number not in among_them and not each.is_over)
    gaps = [(behind(each), each) for each in others]
    return [each for gap, each in sorted(gaps, key=lambda pair: pair[0]) if gap < each.doubt]


def fallen(candidates: Sequence[Result]) -> list[Result]:
    """What was trained again and is not on the front, or is over the latency limit since; and contenders that cannot be
    told from members of it. The cheapest first.
    """
    on_front = {member.trial.number for member in front(candidates)}
    found = [each for each in candidates if len(each.accuracies) > 1 or each.is_over]
    listed = {each.trial.number: each for each in (*found, *contenders(candidates))}
    return sorted((each for number, each in listed.items() if number not in on_front), key=lambda each: each.losses)


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
        return max(members, key=lambda member: member.expected_accuracy)
    return min(members, key=lambda member: member.latency.median)


def as_json(result: Result) -> dict[str, Any]:
    """A result for other programs."""
    return {
        "trial": result.trial.number,
        "key": result.trial.architecture.key,
        "stages": [stage.to_dict() for stage in result.trial.architecture.stages],
        "parameters": result.parameters,
        "accuracy": result.accuracy,
        "accuracy_std": result.accuracy_std,
        "expected_accuracy": result.expected_accuracy,
        "seeds": len(result.reported),
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
