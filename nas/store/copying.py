"""Copies of whole studies between databases, SQLite or PostgreSQL: Optuna's tables and ours."""

from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from sqlalchemy import Connection, Engine, Table, delete, insert, null, select

from nas.errors import ParameterError
from nas.store import network_weights, rows, tables
from nas.store.drivers import cut_off
from nas.store.engine import parse_url, shown
from nas.store.maintenance import maintenance_of
from nas.store.source import opened
from nas.store.store import RECORDED, Store, StudyRecord


def copy(source: str, destination: str, names: Sequence[str] = ()) -> list[str]:
    """Copy the studies of these names, by default all, and all measurements; return the names of the copied studies.

    The source is not changed, and may be written by searches meanwhile: the copies are of one moment. Each study is
    copied whole or not at all. Raises ParameterError when the destination has one of that name, UnknownNameError when
    the source has none, StorageError when a database cannot be used.
    """
    urls = parse_url(source), parse_url(destination)
    if urls[0] == urls[1]:
        raise ParameterError(f"--to {shown(urls[1])!r} is the database that is copied from")
    Store.open(source, create=False).close()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Searches may write the source meanwhile.
    with maintenance_of(urls[0]).frozen(urls[0]) as old:
        stored = Store(old.engine, shown(urls[0]))
        records = [stored.study(name) for name in dict.fromkeys(names)] or stored.studies()[::-1]
        Store.open(destination, create=True).close()
        with opened(urls[1]) as new, old.engine.connect() as reading:
            # Other programs' studies too.
            present = {study.study_name for study in new.storage.get_all_studies()}
            for record in records:
                if record.name in present:
                    raise ParameterError(f"study {record.name!r} is in {shown(urls[1])!r} already")
            _copy_measurements(reading, new.engine)
            _copy_artifacts(reading, new.engine)
            for record in records:
                _copy_study(reading, new.engine, (old.storage, new.storage), record)
    return [record.name for record in records]


def _copy_study(
    reading: Connection, destination: Engine, storages: Sequence[optuna.storages.RDBStorage], record: StudyRecord
) -> None:
    optuna.copy_study(from_study_name=record.name, from_storage=storages[0], to_storage=storages[1])
    study_id = storages[1].get_study_id_from_name(record.name)
    try:
        with destination.begin() as writing:
            _copy_ours(reading, writing, record, study_id)
            _copy_weights(reading, writing, record.name)
    except BaseException:
        storages[1].delete_study(study_id)
        raise


def _copy_ours(reading: Connection, writing: Connection, record: StudyRecord, study_id: int) -> None:
    writing.execute(tables.studies.delete().where(tables.studies.c.study_id == study_id))
    # A driver's row is copied too: the next driver of the copy recovers what was running.
    driver = reading.scalar(select(tables.studies.c.driver).where(tables.studies.c.study_id == record.study_id))
    writing.execute(
        insert(tables.studies).values(
            study_id=study_id,
            settings={**record.settings, **({RECORDED: record.recorded} if record.recorded else {})},
            created_at=record.created_at,
            driver=null() if driver is None else cut_off(driver),
            owner=record.owner,
            archived_at=record.archived_at,
            note=record.note or None,
        )
    )
    of_study = tables.trials.c.study_id == record.study_id
    new_ids = {}
    for row in reading.execute(select(tables.trials).where(of_study).order_by(tables.trials.c.trial_id)).mappings():
        _copy_environment(reading, writing, row["environment"])
        inserted = writing.execute(
            insert(tables.trials)
            .values({**_without(row, "trial_id"), "study_id": study_id})
            .returning(tables.trials.c.trial_id)
        )
        new_ids[row["trial_id"]] = inserted.scalar_one()
    for details in (tables.curve_points, tables.confirmations):
        query = select(details).join(tables.trials).where(of_study)
        for row in reading.execute(query.order_by(*details.primary_key)).mappings():
            _copy_environment(reading, writing, row.get("environment"))
            values = {**_without(row, "confirmation_id"), "trial_id": new_ids[row["trial_id"]]}
            writing.execute(insert(details).values(values))
    for row in reading.execute(
        select(tables.trial_measurements, tables.measurements)
        .join(tables.measurements)
        .join(tables.trials, tables.trials.c.trial_id == tables.trial_measurements.c.trial_id)
        .where(of_study)
    ).mappings():
        link = {"trial_id": new_ids[row["trial_id"]], "target": row["target"]}
        measurement_id = _measurement(writing, row)
        writing.execute(insert(tables.trial_measurements).values(**link, measurement_id=measurement_id))
    rank_checks = select(tables.rank_checks).where(tables.rank_checks.c.study_id == record.study_id)
    for row in reading.execute(rank_checks.order_by(tables.rank_checks.c.audit_id)).mappings():
        writing.execute(insert(tables.rank_checks).values({**_without(row, "audit_id"), "study_id": study_id}))


def _copy_measurements(reading: Connection, destination: Engine) -> None:
    """Copy all measurements, those of no trial too, and the latency model's errors, where they are missing."""
    with destination.begin() as writing:
        for row in reading.execute(select(tables.measurements)).mappings():
            _measurement(writing, row)
        known = {_identity(row) for row in writing.execute(select(tables.profiles)).mappings()}
        for row in reading.execute(select(tables.profiles)).mappings():
            if _identity(row) not in known:
                writing.execute(insert(tables.profiles).values(_without(row, "profile_id")))


def _copy_artifacts(reading: Connection, destination: Engine) -> None:
    """Copy the artifacts that are missing in the destination, but for weights, which belong to studies."""
    ours = tables.artifacts
    with destination.begin() as writing:
        known = set(writing.scalars(select(ours.c.name)))
        names = set(reading.scalars(select(ours.c.name).where(ours.c.kind != network_weights.KIND)))
        _copy_named(reading, writing, sorted(names - known))


def _copy_weights(reading: Connection, writing: Connection, study: str) -> None:
    """Copy the weights of a study's networks, in the place of those of an earlier study of that name."""
    ours = tables.artifacts
    is_of_study = ours.c.name.startswith(network_weights.weights_prefix(study), autoescape=True)
    writing.execute(delete(ours).where(is_of_study))
    _copy_named(reading, writing, reading.scalars(select(ours.c.name).where(is_of_study)).all())


def _copy_named(reading: Connection, writing: Connection, names: Sequence[str]) -> None:
    """Copy the artifacts of these names, one at a time in memory."""
    ours = tables.artifacts
    for name in names:
        row = reading.execute(select(ours).where(ours.c.name == name)).mappings().one()
        writing.execute(insert(ours).values(dict(row)))


def _identity(profile: Mapping[Any, Any]) -> tuple[Any, ...]:
    return profile["space_key"], profile["digest"], profile["created_at"]


def _measurement(writing: Connection, row: Mapping[Any, Any]) -> int:
    """Record a measurement in the destination if it is new; return its id there."""
    columns = {column.name: row[column.name] for column in tables.measurements.columns}
    return rows.put_measurement(writing, _without(columns, "measurement_id"))


def _copy_environment(reading: Connection, writing: Connection, digest: str | None) -> None:
    ours: Table = tables.environments
    if digest is None or writing.execute(select(ours.c.digest).where(ours.c.digest == digest)).first() is not None:
        return
    details = reading.scalar(select(ours.c.details).where(ours.c.digest == digest))
    writing.execute(insert(ours).values(digest=digest, details=details))


def _without(row: Mapping[Any, Any], name: str) -> dict[str, Any]:
    """Drop a row's own id; None becomes SQL's null, also in JSON columns."""
    return {key: null() if value is None else value for key, value in row.items() if key != name}
