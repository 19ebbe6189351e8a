"""Trials and histories as the service returns them: pure functions of recorded trials."""

from collections.abc import Sequence

import numpy as np

from nas.results.front import Result, results
from nas.results.pareto import hypervolume
from nas.results.region import reference_point
from nas.results.settings import ComparableSettings
from nas.service import schemas
from nas.trial import Fidelity, Outcome, Trial

HOUR_S = 3600.0


def trial_row(trial: Trial, settings: ComparableSettings) -> schemas.Trial:
    """Return a trial of a study with these settings: its own outcome and confirmations, independent of other trials."""
    result = next(iter(results([trial], settings)), None)
    outcome = trial.outcome or Outcome()
    latency = result.latency if result is not None else outcome.latency
    last = outcome.curve[-1].accuracy if outcome.curve else None
    own = outcome.accuracy if outcome.accuracy is not None else last
    return {
        "number": trial.number,
        "state": trial.state.value,
        "word": trial.architecture.layout,
        "key": trial.architecture.key,
        "recipe": trial.architecture.recipe,
        "blueprint": trial.architecture.blueprint.to_dict(),
        "stages": [stage.to_dict() for stage in trial.architecture.stages],
        "attempt": trial.attempt,
        "accuracy": result.accuracy if result is not None else own,
        "accuracy_std": result.accuracy_std if result is not None else None,
        "accuracy_interval": None if result is None or result.interval is None else list(result.interval),
        "target_training": None if result is None or result.final is None else extent(result.final.fidelity),
        "test_accuracy": None if result is None or result.final is None else result.final.test_accuracy,
        "below_min_accuracy": result is not None and result.is_below_min_accuracy,
        "seeds": len(result.reported) if result is not None else int(own is not None),
        "latency_ms": latency.median if latency is not None else None,
        "latency_interval_ms": list(latency.interval) if latency is not None else None,
        "figures": dict(result.figures if result is not None else outcome.figures),
        "epochs": len(outcome.curve),
        "train_s": outcome.train_s,
        "failure": None
        if outcome.failure is None
        else {"cause": outcome.failure.cause, "message": outcome.failure.message},
        "finished_at": trial.finished_at,
    }


def target_of(settings: ComparableSettings) -> schemas.Fidelity | None:
    """Return the target training of a study with these settings; None where it has none."""
    return None if settings.ladder is None else extent(settings.ladder.target)


def extent(fidelity: Fidelity | None) -> schemas.Fidelity | None:
    """Return a fidelity as JSON values; None for the trials' own."""
    return None if fidelity is None else {"images": fidelity.images, "epochs": fidelity.epochs}


def history(results: Sequence[Result], created_at: float, settings: ComparableSettings) -> list[schemas.Moment]:
    """Return the hypervolume of the front as trials finished, at the moments at which it grew.

    It is that of the search's own results, before confirmation, in the region of interest as it is now.
    """
    finished = sorted((result for result in results if result.trial.finished_at is not None), key=_finished_at)
    points = [result.searched_losses for result in finished if result.is_within_limits]
    if not points:
        return []
    reference = reference_point(points, settings)
    moments: list[schemas.Moment] = []
    front = np.empty((0, len(reference)))
    for count, result in enumerate(finished, start=1):
        point = np.array(result.searched_losses)
        if result.is_within_limits and not (front <= point).all(axis=1).any():
            front = np.vstack([front[~(point <= front).all(axis=1)], point])
            volume = hypervolume([tuple(row) for row in front.tolist()], reference)
            moments.append(_moment(count, result, created_at, volume))
    if moments[-1]["trials"] < len(finished):
        moments.append(_moment(len(finished), finished[-1], created_at, moments[-1]["hypervolume"]))
    return moments


def _finished_at(result: Result) -> float:
    return result.trial.finished_at or 0.0


def _moment(count: int, result: Result, created_at: float, volume: float) -> schemas.Moment:
    return {"trials": count, "hours": (_finished_at(result) - created_at) / HOUR_S, "hypervolume": volume}
