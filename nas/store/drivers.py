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
