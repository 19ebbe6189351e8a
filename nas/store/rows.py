"""Conversion between rows of our tables and trials with their outcomes."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, Table, func, insert, null, select
from sqlalchemy.dialects import postgresql, sqlite

from nas.architecture import Architecture
from nas.latency.measured_key import measured_key
from nas.objective import QUANTILES, Measurement, fingerprint_digest
from nas.store import tables
from nas.trial import Confirmation, CurvePoint, Failure, Fidelity, Outcome, Trial, TrialState

# The recorded name of a study's first target, whose latency is the trial's own.
FIRST_TARGET = ""
# Each dialect has its own way to insert a row only where it is new.
INSERTS: Mapping[str, Callable[[Table], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


def outcome_columns(connection: Connection, outcome: Outcome) -> dict[str, Any]:
    """Make the columns that trials and confirmations share, and record the environment where it is new."""
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
        _insert_new(connection, tables.environments, {"digest": digest, "details": details})
    return digest


def _insert_new(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Insert a row unless another process inserts the same one at this moment."""
    new: sqlite.Insert | postgresql.Insert = INSERTS[connection.dialect.name](table)
    connection.execute(new.values(dict(values)).on_conflict_do_nothing())


def record_details(connection: Connection, trial_id: int, architecture: Architecture, outcome: Outcome) -> None:
    """Record a trial's learning curve and the measurements of its outcome, in tables of their own."""
    for point in outcome.curve:
        connection.execute(insert(tables.curve_points).values(trial_id=trial_id, **_point(point)))
    for target, measurement in ((FIRST_TARGET, outcome.latency), *outcome.latencies.items()):
        if measurement is not None:
            measurement_id = record_measurement(connection, measured_key(architecture), measurement, architecture)
            connection.execute(
                insert(tables.trial_measurements).values(
                    trial_id=trial_id, target=target, measurement_id=measurement_id
                )
            )


def record_measurement(
    connection: Connection, key: str, measurement: Measurement, architecture: Architecture | None
) -> int:
    """Record a measurement unless it is recorded already; return its row's id."""
    return put_measurement(
        connection,
        {
            "key": key,
            "digest": fingerprint_digest(measurement.fingerprint),
            "architecture": architecture.to_dict() if architecture is not None else null(),
            "count": measurement.count,
            "median": measurement.median,
            "iqr": measurement.iqr,
            "quantiles": {f"p{q * 100:g}": measurement.quantile(q) for q in QUANTILES},
            **measurement.to_dict(),
        },
    )


def put_measurement(connection: Connection, columns: Mapping[str, Any]) -> int:
    """Write a measurement's row unless the same occasion is recorded already; return the row's id."""
    ours = tables.measurements
    occasion = (ours.c[name] == columns[name] for name in ("key", "digest", "metric", "taken_at"))
    row_of = select(ours.c.measurement_id).where(*occasion)
    known: int | None = connection.scalar(row_of)
    if known is not None:
        return known
    _insert_new(connection, ours, columns)
    written: int = connection.execute(row_of).scalar_one()
    return written


def confirmation_columns(connection: Connection, confirmation: Confirmation) -> dict[str, Any]:
    """Make a confirmation's columns; its curve and latencies are JSON, those on further targets by name."""
    outcome = confirmation.outcome
    return {
        "seed": confirmation.seed,
        "images": None if confirmation.fidelity is None else confirmation.fidelity.images,
        "epochs": None if confirmation.fidelity is None else confirmation.fidelity.epochs,
        "curve": [_point(point) for point in outcome.curve],
        "latency": outcome.latency.to_dict() if outcome.latency is not None else None,
        "latencies": {target: latency.to_dict() for target, latency in outcome.latencies.items()},
        **outcome_columns(connection, outcome),
    }


def _point(point: CurvePoint) -> dict[str, float | None]:
    return vars(point).copy()


def to_trial(
    row: Row[Any],
    latencies: Mapping[str, Measurement],
    curve: tuple[CurvePoint, ...],
    confirmations: tuple[Confirmation, ...],
) -> Trial:
    """Read a trial from its row, joined with its environment's `details`, and its rows in other tables.

    `latencies` are by target, the first one's under FIRST_TARGET.
    """
    state = TrialState(row.state)
    outcome = None
    if state is not TrialState.RUNNING:
        outcome = replace(
            _to_outcome(row, latencies.get(FIRST_TARGET), curve, row.parameters),
            latencies={target: latency for target, latency in latencies.items() if target != FIRST_TARGET},
            costs=row.costs or {},
        )
    architecture = Architecture.from_dict(row.architecture)
    return Trial(row.number, architecture, state, row.seed, row.attempt, outcome, confirmations, row.finished_at)


def to_confirmation(row: Row[Any]) -> Confirmation:
    """Read a confirmation from its row, joined with its environment's `details` and its trial's `parameters`."""
    latency = Measurement.from_dict(row.latency) if row.latency is not None else None
    curve = tuple(CurvePoint(**point) for point in row.curve)
    outcome = _to_outcome(row, latency, curve, row.parameters if latency is not None else None)
    latencies = {target: Measurement.from_dict(fields) for target, fields in (row.latencies or {}).items()}
    fidelity = None if row.images is None else Fidelity(row.images, row.epochs)
    return Confirmation(row.seed, replace(outcome, latencies=latencies), fidelity, row.test_accuracy)


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
        failure=to_failure(row),
    )


def to_failure(row: Row[*tuple[Any, ...]]) -> Failure | None:
    """Read the failure from a trial's or confirmation's row; None where there is none."""
    return Failure(row.failure_cause, row.failure_message) if row.failure_cause else None
