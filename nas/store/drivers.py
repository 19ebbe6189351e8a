"""The driver of each study's search, and requests to stop it."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, null, select, update

from nas.store import tables
from nas.store.database import Database
from nas.store.retry import retried


def lock_study(connection: Connection, study_id: int) -> Mapping[str, Any] | None:
    """Lock a study's row until the transaction ends, and read its driver."""
    of_study = tables.studies.c.study_id == study_id
    # A write comes first, so that the second of two processes reads what the first one has written.
    connection.execute(update(tables.studies).where(of_study).values(created_at=tables.studies.c.created_at))
    return _driver(connection, study_id)


def _driver(connection: Connection, study_id: int) -> Mapping[str, Any] | None:
    query = select(tables.studies.c.driver).where(tables.studies.c.study_id == study_id)
    driver: Mapping[str, Any] | None = connection.scalar(query)
    return driver


def cut_off(driver: Mapping[str, Any]) -> dict[str, Any]:
    """The driver of a study's copy: no process drives it, and the next one recovers what was running."""
    return {**driver, "started_at": 0.0, "seen_at": 0.0}


class Drivers(Database):
    """The processes that drive searches in a database."""

    @retried
    def driver(self, study_id: int) -> Mapping[str, Any] | None:
        """Read the process that drives the study's search; None once it has ended properly."""
        with self._begin() as connection:
            return _driver(connection, study_id)

    @retried
    def replace_driver(
        self,
        study_id: int,
        driver: Mapping[str, Any] | None,
        may_replace: Callable[[Mapping[str, Any] | None], bool],
    ) -> Mapping[str, Any] | None:
        """Replace the present driver by `driver` if `may_replace` allows it; return the study's driver afterwards."""
        of_study = tables.studies.c.study_id == study_id
        with self._begin() as connection:
            present = lock_study(connection, study_id)
            if not may_replace(present):
                return present
            value = null() if driver is None else dict(driver)
            connection.execute(update(tables.studies).where(of_study).values(driver=value))
            return driver

    @retried
    def cut_off_drivers(self) -> None:
        """Make all drivers dead ones: the database is a copy of the one that their searches write."""
        ours = tables.studies
        with self._begin() as connection:
            for study_id, driver in connection.execute(select(ours.c.study_id, ours.c.driver)).all():
                if driver is not None:
                    values = {"driver": cut_off(driver), "stop_asked_at": None}
                    connection.execute(update(ours).where(ours.c.study_id == study_id).values(values))

    @retried
    def ask_to_stop(self, study_id: int, asked_at: float | None) -> None:
        """Ask the study's driver, wherever it runs, to stop as after Ctrl-C; None withdraws the request."""
        of_study = tables.studies.c.study_id == study_id
        with self._begin() as connection:
            connection.execute(update(tables.studies).where(of_study).values(stop_asked_at=asked_at))

    @retried
    def is_asked_to_stop(self, study_id: int) -> bool:
        query = select(tables.studies.c.stop_asked_at).where(tables.studies.c.study_id == study_id)
        with self._begin() as connection:
            return connection.scalar(query) is not None
