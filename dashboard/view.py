"""Trials and fronts as the service answers them: pure functions of what is on record."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nas.results.front import Result, reference_point, results
from nas.results.pareto import hypervolume
from nas.service import schemas
from nas.trial import Outcome, Trial

HOUR_S = 3600.0


def shown_trial(trial: Trial, settings: Mapping[str, Any]) -> schemas.Trial:
    """A trial of a study with these settings: what it found, and its confirmations, whatever others found."""
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


def history(found: Sequence[Result], begun_at: float, settings: Mapping[str, Any]) -> list[schemas.Moment]:
    """What the front dominated as trials ended, by what they found themselves; only moments at which it grew."""
    ended = sorted((each for each in found if each.trial.finished_at is not None), key=_finished_at)
    if not ended:
        return []
    reference = reference_point([each.searched_losses for each in ended], settings)
    moments: list[schemas.Moment] = []
    best = np.empty((0, len(reference)))
    for count, each in enumerate(ended, start=1):
        point = np.array(each.searched_losses)
        if not (best <= point).all(axis=1).any():
            best = np.vstack([best[~(point <= best).all(axis=1)], point])
            moments.append(
                _moment(count, each, begun_at, hypervolume([tuple(row) for row in best.tolist()], reference))
            )
    if moments[-1]["trials"] < len(ended):
        moments.append(_moment(len(ended), ended[-1], begun_at, moments[-1]["hypervolume"]))
    return moments


def _finished_at(result: Result) -> float:
    return result.trial.finished_at or 0.0


def _moment(count: int, result: Result, begun_at: float, dominated: float) -> schemas.Moment:
    return {"trials": count, "hours": (_finished_at(result) - begun_at) / HOUR_S, "hypervolume": dominated}
