"""Removal of old rows that belong to no study."""

from sqlalchemy import delete, null, select

from nas.store import tables
from nas.store.database import Database
from nas.store.retry import retried


class OldRows(Database):
    """The rows of a database that grow with time alone."""

    @retried
    def remove_old(self, before: float, *, dry_run: bool = False) -> dict[str, int]:
        """Delete latency measurements of no trial and audit entries that are older than the time `before`, in seconds
        since 1970; return the numbers by kind. With `dry_run` nothing is deleted.

        Measurements of the reference network stay: they are the scale of all others.
        """
        measured, audited = tables.measurements, tables.audit_log
        of_trials = select(tables.trial_measurements.c.measurement_id)
        statements = {
            "measurements": delete(measured).where(
                measured.c.taken_at < before,
                measured.c.architecture.is_not(null()),
                measured.c.measurement_id.not_in(of_trials),
            ),
            "audit entries": delete(audited).where(audited.c.at < before),
        }
        with self._guarded(), self._engine.connect() as connection:
            counts = {kind: connection.execute(statement).rowcount for kind, statement in statements.items()}
            if not dry_run:
                connection.commit()
            return counts
