"""Who drives a study's search, and whether somebody asked it to stop."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, null, select, update

from nas.store import tables
from nas.store.database import Database
from nas.store.retry import retried


def _driver(connection: Connection, study_id: int) -> Mapping[str, Any] | None:
    query = select(tables.studies.c.driver).where(tables.studies.c.study_id == study_id)
    found: Mapping[str, Any] | None = connection.scalar(query)
    return found


class Drivers(Database):
    """What a database knows of processes that search."""

    @retried
    def driver(self, study_id: int) -> Mapping[str, Any] | None:
        """The process that last said it drives the study's search, None when it said goodbye."""
        with self._begin() as connection:
            return _driver(connection, study_id)

    @retried
    def replace_driver(
        self,
        study_id: int,
        driver: Mapping[str, Any] | None,
        may_replace: Callable[[Mapping[str, Any] | None], bool],
    ) -> Mapping[str, Any] | None:
        """Put `driver` in the present one's place if it may be replaced; whoever drives the study afterwards."""
        of_study = tables.studies.c.study_id == study_id
        with self._begin() as connection:
            # A write comes first, so that of two processes the second one reads what the first one has written.
            connection.execute(update(tables.studies).where(of_study).values(created_at=tables.studies.c.created_at))
            present = _driver(connection, study_id)
            if not may_replace(present):
                return present
            value = null() if driver is None else dict(driver)
            connection.execute(update(tables.studies).where(of_study).values(driver=value))
            return driver

    @retried
    def ask_to_stop(self, study_id: int, asked_at: float | None) -> None:
        """Ask the study's driver, wherever it runs, to stop as after Ctrl-C; None takes it back."""
        of_study = tables.studies.c.study_id == study_id
        with self._begin() as connection:
            connection.execute(update(tables.studies).where(of_study).values(stop_asked_at=asked_at))

    @retried
    def is_asked_to_stop(self, study_id: int) -> bool:
        query = select(tables.studies.c.stop_asked_at).where(tables.studies.c.study_id == study_id)
        with self._begin() as connection:
            return connection.scalar(query) is not None
