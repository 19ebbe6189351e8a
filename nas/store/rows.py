"""Between rows of our tables and trials: what is written of an outcome, and what is read back."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from nas.architecture import Architecture
from nas.objective import QUANTILES, Measurement
from nas.store import tables
from nas.trial import Confirmation, CurvePoint, Failure, Outcome, Trial, TrialState


def outcome_columns(connection: Connection, outcome: Outcome) -> dict[str, Any]:
    """The columns that trials and confirmations share. Puts the environment on record where it is new."""
    failure = outcome.failure
    return {
        "accuracy": outcome.accuracy,
        "train_s": outcome.train_s,
        "measure_s": outcome.measure_s,
        "failure_cause": failure.cause if failure else None,
        "failure_message": failure.message if failure else None,
        "environment": _record_environment(connection, outcome),
    }


def _record_environment(connection: Connection, outcome: Outcome) -> str:
    details = dict(outcome.environment)
    digest = hashlib.blake2b(json.dumps(details, sort_keys=True).encode(), digest_size=16).hexdigest()
    known = tables.environments.c.digest == digest
    if connection.scalar(select(func.count()).select_from(tables.environments).where(known)) == 0:
        connection.execute(insert(tables.environments).values(digest=digest, details=details))
    return digest


def record_details(connection: Connection, trial_id: int, outcome: Outcome, taken_at: float) -> None:
    """A trial's learning curve and latency samples, in tables of their own."""
    for point in outcome.curve:
        connection.execute(insert(tables.curve_points).values(trial_id=trial_id, **_point(point)))
    latency = outcome.latency
    if latency is not None:
        connection.execute(
            insert(tables.measurements).values(
                trial_id=trial_id,
                count=latency.count,
                median=latency.median,
                iqr=latency.iqr,
                quantiles={f"p{q * 100:g}": latency.quantile(q) for q in QUANTILES},
                taken_at=taken_at,
                **_samples(latency),
            )
        )


def confirmation_columns(connection: Connection, confirmation: Confirmation) -> dict[str, Any]:
    """A confirmation's columns, its curve and latency samples among them as JSON."""
    outcome = confirmation.outcome
    return {
        "seed": confirmation.seed,
        "curve": [_point(point) for point in outcome.curve],
        "latency": _samples(outcome.latency) if outcome.latency is not None else None,
        **outcome_columns(connection, outcome),
    }


def _point(point: CurvePoint) -> dict[str, float]:
    return {"epoch": point.epoch, "accuracy": point.accuracy, "loss": point.loss, "seconds": point.seconds}


def _samples(latency: Measurement) -> dict[str, Any]:
    return {
        "metric": latency.metric,
        "unit": latency.unit,
        "samples": list(latency.samples),
        "fingerprint": dict(latency.fingerprint),
    }


def to_measurement(metric: str, unit: str, samples: Sequence[float], fingerprint: Mapping[str, Any]) -> Measurement:
    return Measurement(metric, unit, tuple(samples), fingerprint)


def to_trial(
    row: Row[Any],
    latency: Measurement | None,
    curve: tuple[CurvePoint, ...],
    confirmations: tuple[Confirmation, ...],
) -> Trial:
    """A trial of its row, joined with its environment's `details`, and of what other tables hold of it."""
    state = TrialState(row.state)
    outcome = None
    if state is not TrialState.RUNNING:
        outcome = _to_outcome(row, latency, curve, row.parameters)
    architecture = Architecture.from_dict(row.architecture)
    return Trial(row.number, architecture, state, row.seed, row.attempt, outcome, confirmations)


def to_confirmation(row: Row[Any]) -> Confirmation:
    """A confirmation of its row, joined with its environment's `details` and its trial's `parameters`."""
    latency = to_measurement(**row.latency) if row.latency is not None else None
    curve = tuple(CurvePoint(**point) for point in row.curve)
    return Confirmation(row.seed, _to_outcome(row, latency, curve, row.parameters if latency is not None else None))


def _to_outcome(
    row: Row[Any], latency: Measurement | None, curve: tuple[CurvePoint, ...], parameters: int | None
) -> Outcome:
    return Outcome(
        accuracy=row.accuracy,
        latency=latency,
        parameters=parameters,
        curve=curve,
        train_s=row.train_s or 0.0,
        measure_s=row.measure_s or 0.0,
        environment=row.details or {},
        failure=Failure(row.failure_cause, row.failure_message) if row.failure_cause else None,
    )
