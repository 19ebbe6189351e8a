"""The tables of studies and trials. A trial's final row here is the truth; Optuna's copy is written after it."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from nas.architecture import Architecture
from nas.errors import StorageError, UnknownNameError, UserError
from nas.latency.measured_key import measured_key
from nas.objective import LATENCY, Measurement, fingerprint_digest
from nas.results.settings import ComparableSettings
from nas.store import rows, tables
from nas.store.artifacts import Artifacts
from nas.store.audit_log import AuditEntries
from nas.store.network_weights import weights_prefix
from nas.store.old_rows import OldRows
from nas.store.rank_checks import RankChecks
from nas.store.retry import retried
from nas.store.study_changes import StudyChanges
from nas.trial import Confirmation, CurvePoint, Failure, Outcome, Trial, TrialState

# In the settings' column, the name of what may differ between the trials of a study.
RECORDED = "recorded"
# A trial's final state, the time of its end in seconds since 1970, and its failure.
Ending = tuple[TrialState, float, Failure | None]


@dataclass(frozen=True)
class StudyRecord:
    """A recorded study: its identity, its settings, its number of trials by state, of their confirmations and tests.

    The study changes only with these numbers: but for tests, ended trials and confirmations never change. `recorded`
    holds the study's space and the conditions of its sessions (nas.study.settings), `owner` is the person of the
    service who began it. `archived_at` is in seconds since 1970; None for a study that is not archived.
    """

    study_id: int
    name: str
    settings: ComparableSettings
    created_at: float
    counts: Mapping[TrialState, int]
    confirmations: int = 0
    tests: int = 0
    recorded: Mapping[str, Any] = field(default_factory=dict)
    owner: str | None = None
    archived_at: float | None = None
    note: str = ""


class Measured(NamedTuple):
    """A measurement of an architecture (None is the reference network) and its key (nas.latency.measured_key)."""

    architecture: Architecture | None
    measurement: Measurement
    key: str


class Store(StudyChanges, Artifacts, AuditEntries, RankChecks, OldRows):
    """One database. Close it, or use it as a context manager."""

    @retried
    def studies(self) -> list[StudyRecord]:
        """List the studies that are in Optuna's tables and in ours, the newest first."""
        with self._begin() as connection:
            if not connection.dialect.has_table(connection, "studies"):
                return []
            counts: dict[int, dict[TrialState, int]] = {}
            query = select(tables.trials.c.study_id, tables.trials.c.state, func.count()).group_by(
                tables.trials.c.study_id, tables.trials.c.state
            )
            for study_id, state, count in connection.execute(query):
                counts.setdefault(study_id, {})[TrialState(state)] = count
            further = select(tables.trials.c.study_id, func.count(), func.count(tables.confirmations.c.test_accuracy))
            query = further.join(tables.confirmations).group_by(tables.trials.c.study_id)
            further_counts = {row.study_id: (row[1], row[2]) for row in connection.execute(query)}
            ours = tables.studies
            rows = connection.execute(
                select(ours, tables.optuna_studies.c.study_name)
                .join(tables.optuna_studies, tables.optuna_studies.c.study_id == ours.c.study_id)
                .order_by(ours.c.created_at.desc(), ours.c.study_id.desc())
            )
            return [
                StudyRecord(
                    row.study_id,
                    row.study_name,
                    ComparableSettings({name: value for name, value in row.settings.items() if name != RECORDED}),
                    row.created_at,
                    counts.get(row.study_id, {}),
                    *further_counts.get(row.study_id, (0, 0)),
                    row.settings.get(RECORDED, {}),
                    row.owner,
                    row.archived_at,
                    row.note or "",
                )
                for row in rows
            ]

    def study(self, name: str | None = None) -> StudyRecord:
        """Find a study by name, by default the newest that is not archived.

        Raises UserError or UnknownNameError when there is none.
        """
        records = self.studies()
        if name is None and not records:
            raise UserError(f"database {self.name!r} has no study yet; `nas search` begins one")
        for record in records:
            if name == record.name or (name is None and record.archived_at is None):
                return record
        if name is None:
            raise UserError(f"all studies of database {self.name!r} are archived: name one (`nas studies --archived`)")
        raise UnknownNameError("study", name, (record.name for record in records))

    @retried
    def add_study(
        self,
        study_id: int,
        settings: Mapping[str, Any],
        created_at: float,
        stale: float | None = None,
        owner: str | None = None,
    ) -> None:
        """Record a study under Optuna's id, unless another process has just done so.

        Optuna reuses ids: an earlier study of this id, created at `stale`, is removed.
        """
        ours = tables.studies
        with suppress(IntegrityError), self._begin() as connection:
            connection.execute(delete(ours).where(ours.c.study_id == study_id, ours.c.created_at == stale))
            values = {"settings": dict(settings), "created_at": created_at, "owner": owner}
            connection.execute(insert(ours).values(study_id=study_id, **values))

    @retried
    def put_recorded(self, study_id: int, recorded: Mapping[str, Any]) -> None:
        """Put what may differ between a study's trials beside its settings."""
        ours = tables.studies
        with self._begin() as connection:
            settings = connection.execute(select(ours.c.settings).where(ours.c.study_id == study_id)).scalar_one()
            values = {**settings, RECORDED: dict(recorded)}
            connection.execute(update(ours).where(ours.c.study_id == study_id).values(settings=values))

    @retried
    def remove_study(self, study: StudyRecord) -> None:
        """Delete a study, its trials and their weights from our tables. Measurements stay, for they belong to networks,
        and Optuna's tables are not changed.
        """
        is_weights = tables.artifacts.c.name.startswith(weights_prefix(study.name), autoescape=True)
        with self._begin() as connection:
            connection.execute(delete(tables.artifacts).where(is_weights))
            connection.execute(delete(tables.studies).where(tables.studies.c.study_id == study.study_id))

    @retried
    def begin_trial(self, study_id: int, trial: Trial, started_at: float) -> None:
        """Record a running trial. Raises StorageError when its architecture runs or is recorded already."""
        try:
            with self._begin() as connection:
                connection.execute(
                    insert(tables.trials).values(
                        study_id=study_id,
                        number=trial.number,
                        key=trial.architecture.key,
                        architecture=trial.architecture.to_dict(),
                        state=trial.state.value,
                        seed=trial.seed,
                        attempt=trial.attempt,
                        started_at=started_at,
                    )
                )
        except IntegrityError as error:
            # An earlier attempt had written it when the connection was lost before its answer.
            with self._begin() as connection:
                ours = tables.trials
                same = (ours.c.study_id == study_id) & (ours.c.number == trial.number)
                row = connection.execute(select(ours.c.key, ours.c.started_at).where(same)).first()
            if row == (trial.architecture.key, started_at):
                return
            raise StorageError(
                f"architecture {trial.architecture.key} of trial {trial.number} is recorded already"
            ) from error

    @retried
    def finish_trial(
        self, study_id: int, number: int, state: TrialState, outcome: Outcome | None, finished_at: float
    ) -> bool:
        """Record a running trial's end in one transaction. False when the trial had another end already."""
        ours = tables.trials
        this = (ours.c.study_id == study_id) & (ours.c.number == number)
        running = this & (ours.c.state == TrialState.RUNNING.value)
        with self._begin() as connection:
            ended = this & (ours.c.state == state.value) & (ours.c.finished_at == finished_at)
            if connection.execute(select(ours.c.trial_id).where(ended)).first() is not None:
                return True
            row = connection.execute(select(ours.c.trial_id, ours.c.architecture).where(running)).first()
            values: dict[str, Any] = {"state": state.value, "finished_at": finished_at}
            if outcome is not None:
                values |= rows.outcome_columns(connection, outcome) | {
                    "parameters": outcome.parameters,
                    "costs": dict(outcome.costs),
                }
            if row is None or connection.execute(update(ours).where(running).values(values)).rowcount != 1:
                return False
            if outcome is not None:
                rows.record_details(connection, row.trial_id, Architecture.from_dict(row.architecture), outcome)
            return True

    @retried
    def add_confirmation(self, study_id: int, number: int, confirmation: Confirmation, finished_at: float) -> bool:
        """Record a trial's confirmation, and its measurements for later studies. False when another one of that seed is
        recorded already.
        """
        of_trial = (tables.trials.c.study_id == study_id) & (tables.trials.c.number == number)
        try:
            with self._begin() as connection:
                trial = connection.execute(
                    select(tables.trials.c.trial_id, tables.trials.c.architecture).where(of_trial)
                ).one()
                connection.execute(
                    insert(tables.confirmations).values(
                        trial_id=trial.trial_id,
                        finished_at=finished_at,
                        **rows.confirmation_columns(connection, confirmation),
                    )
                )
                architecture = Architecture.from_dict(trial.architecture)
                for measurement in (confirmation.outcome.latency, *confirmation.outcome.latencies.values()):
                    if measurement is not None:
                        rows.record_measurement(connection, measured_key(architecture), measurement, architecture)
        except IntegrityError:
            confirmed = tables.confirmations
            of_seed = of_trial & (confirmed.c.seed == confirmation.seed)
            with self._begin() as connection:
                query = select(confirmed.c.finished_at).join(tables.trials).where(of_seed)
                return connection.scalar(query) == finished_at
        return True

    @retried
    def put_test_accuracy(self, study_id: int, number: int, seed: int, accuracy: float) -> None:
        """Record the accuracy on the test part of the network of a trial's confirmation with that seed."""
        confirmed = tables.confirmations
        of_trial = (tables.trials.c.study_id == study_id) & (tables.trials.c.number == number)
        trial_id = select(tables.trials.c.trial_id).where(of_trial).scalar_subquery()
        of_seed = (confirmed.c.trial_id == trial_id) & (confirmed.c.seed == seed)
        with self._begin() as connection:
            connection.execute(update(confirmed).where(of_seed).values(test_accuracy=accuracy))

    @retried
    def versions(self, study_id: int) -> dict[int, tuple[str, int]]:
        """Each trial's state and number of confirmations and tests, by its number: a trial changes only with these."""
        ours, confirmed = tables.trials, tables.confirmations
        count = func.count(confirmed.c.confirmation_id) + func.count(confirmed.c.test_accuracy)
        query = (
            select(ours.c.number, ours.c.state, count)
            .outerjoin(confirmed, confirmed.c.trial_id == ours.c.trial_id)
            .where(ours.c.study_id == study_id)
            .group_by(ours.c.number, ours.c.state)
        )
        with self._begin() as connection:
            return {number: (state, count) for number, state, count in connection.execute(query)}

    @retried
    def trials(self, study_id: int, numbers: Collection[int] | None = None) -> list[Trial]:
        """Read a study's trials in order of number, with their latency samples, learning curves and confirmations.

        All of them, or those with these `numbers`.
        """
        ours = tables.trials
        of_study = ours.c.study_id == study_id
        if numbers is not None:
            of_study &= ours.c.number.in_(numbers)
        environments = tables.environments
        with self._begin() as connection:
            trials = connection.execute(
                select(ours, environments.c.details)
                .outerjoin(environments, environments.c.digest == ours.c.environment)
                .where(of_study)
                .order_by(ours.c.number)
            ).all()
            curves: dict[int, list[CurvePoint]] = {}
            points = tables.curve_points
            for row in connection.execute(
                select(points).join(ours).where(of_study).order_by(points.c.trial_id, points.c.epoch)
            ):
                point = CurvePoint(row.epoch, row.accuracy, row.loss, row.seconds, row.images)
                curves.setdefault(row.trial_id, []).append(point)
            measured, link = tables.measurements, tables.trial_measurements
            latencies: dict[int, dict[str, Measurement]] = {}
            for row in connection.execute(
                select(measured, link.c.trial_id, link.c.target)
                .join(link, link.c.measurement_id == measured.c.measurement_id)
                .join(ours, ours.c.trial_id == link.c.trial_id)
                .where(of_study, measured.c.metric == LATENCY.name)
            ):
                latencies.setdefault(row.trial_id, {})[row.target] = Measurement.from_dict(row._asdict())
            confirmed = tables.confirmations
            confirmations: dict[int, list[Confirmation]] = {}
            for row in connection.execute(
                select(confirmed, ours.c.parameters, environments.c.details)
                .join(ours, ours.c.trial_id == confirmed.c.trial_id)
                .outerjoin(environments, environments.c.digest == confirmed.c.environment)
                .where(of_study)
                .order_by(confirmed.c.confirmation_id)
            ):
                confirmations.setdefault(row.trial_id, []).append(rows.to_confirmation(row))
        return [
            rows.to_trial(
                row,
                latencies.get(row.trial_id, {}),
                tuple(curves.get(row.trial_id, ())),
                tuple(confirmations.get(row.trial_id, ())),
            )
            for row in trials
        ]

    @retried
    def endings(self, study_id: int) -> list[Ending]:
        """List the ends of a study's trials, the last one last."""
        ours = tables.trials
        query = (
            select(ours.c.state, ours.c.finished_at, ours.c.failure_cause, ours.c.failure_message)
            .where(ours.c.study_id == study_id, ours.c.finished_at.is_not(None))
            .order_by(ours.c.finished_at, ours.c.number)
        )
        with self._begin() as connection:
            return [(TrialState(row.state), row.finished_at, rows.to_failure(row)) for row in connection.execute(query)]

    @retried
    def measurement(self, key: str, fingerprint: Mapping[str, Any]) -> Measurement | None:
        """Read the last measurement of an architecture, by its key, or of the reference network; None without one."""
        ours = tables.measurements
        of_both = (ours.c.key == key) & (ours.c.digest == fingerprint_digest(fingerprint))
        with self._begin() as connection:
            row = connection.execute(select(ours).where(of_both).order_by(ours.c.taken_at.desc()).limit(1)).first()
            return None if row is None else Measurement.from_dict(row._asdict())

    @retried
    def measurements(
        self, fingerprint: Mapping[str, Any] | None = None, key: str | None = None, limit: int | None = None
    ) -> list[Measured]:
        """List at most `limit` measurements, the newest first; of one fingerprint or architecture's key if given."""
        ours = tables.measurements
        query = select(ours).order_by(ours.c.taken_at.desc(), ours.c.measurement_id.desc()).limit(limit)
        if key is not None:
            query = query.where(ours.c.key == key)
        if fingerprint is not None:
            query = query.where(ours.c.digest == fingerprint_digest(fingerprint))
        with self._begin() as connection:
            return [
                Measured(
                    Architecture.from_dict(row.architecture) if row.architecture is not None else None,
                    Measurement.from_dict(row._asdict()),
                    row.key,
                )
                for row in connection.execute(query)
            ]

    @retried
    def add_measurement(self, key: str, measurement: Measurement, architecture: Architecture | None = None) -> None:
        """Record a measurement for later studies."""
        with self._begin() as connection:
            rows.record_measurement(connection, key, measurement, architecture)

    @retried
    def add_profile(
        self, space: str, space_key: str, fingerprint: Mapping[str, Any], errors: Mapping[str, Any], created_at: float
    ) -> None:
        """Record the errors of a target's latency model over a space."""
        with self._begin() as connection:
            connection.execute(
                insert(tables.profiles).values(
                    space=space,
                    space_key=space_key,
                    digest=fingerprint_digest(fingerprint),
                    fingerprint=dict(fingerprint),
                    errors=dict(errors),
                    created_at=created_at,
                )
            )
