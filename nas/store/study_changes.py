"""Changes of a study's name, note and place among the archived ones."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Update, delete, select, update
from sqlalchemy.exc import IntegrityError

from nas.errors import ParameterError
from nas.store import tables
from nas.store.drivers import Drivers, lock_study
from nas.store.network_weights import weights_name, weights_prefix
from nas.store.retry import retried

# The length of the name's column in Optuna's table.
MAX_NAME = 512
# Whether a study may change, by its driver.
MayChange = Callable[[Mapping[str, Any] | None], bool]


class StudyChanges(Drivers):
    """Changes of the studies in a database, which take place only where the study's driver allows them."""

    @retried
    def rename_study(self, study_id: int, name: str, new: str, may_change: MayChange) -> Mapping[str, Any] | None:
        """Rename a study and the weights of its networks; return the driver that stands against it.

        Raises ParameterError for a name that another study has, and for one that no study can have.
        """
        if not 0 < len(new) <= MAX_NAME or not new.isprintable() or new != new.strip():
            raise ParameterError(
                f"study name {new!r}: valid are 1 to {MAX_NAME} printable characters, without spaces at the ends"
            )
        theirs = tables.optuna_studies
        rename = update(theirs).where(theirs.c.study_id == study_id).values(study_name=new)
        try:
            with self._begin() as connection:
                driver = lock_study(connection, study_id)
                if not may_change(driver):
                    return driver
                connection.execute(rename)
                if new != name:
                    _rename_weights(connection, name, new)
        except IntegrityError as error:
            raise ParameterError(f"study name {new!r} is another study's in this database") from error
        return None

    @retried
    def put_archived(self, study_id: int, archived_at: float | None, may_change: MayChange) -> Mapping[str, Any] | None:
        """Archive a study at that time, in seconds since 1970, or with None bring it back; return the driver that
        stands against it.
        """
        with self._begin() as connection:
            driver = lock_study(connection, study_id)
            if not may_change(driver):
                return driver
            connection.execute(_of_study(study_id).values(archived_at=archived_at))
        return None

    @retried
    def put_note(self, study_id: int, note: str) -> None:
        """Record a user's note on a study in the place of the one before; an empty one removes it."""
        with self._begin() as connection:
            connection.execute(_of_study(study_id).values(note=note or None))


def _of_study(study_id: int) -> Update:
    return update(tables.studies).where(tables.studies.c.study_id == study_id)


def _rename_weights(connection: Connection, name: str, new: str) -> None:
    """Rename the weights of a study's networks, in the place of those of an earlier study of the new name."""
    ours = tables.artifacts.c
    connection.execute(delete(tables.artifacts).where(ours.name.startswith(weights_prefix(new), autoescape=True)))
    of_study = ours.name.startswith(weights_prefix(name), autoescape=True)
    for row in connection.execute(select(ours.name, ours.details).where(of_study)).all():
        values = {"name": weights_name(new, row.details["trial"]), "details": {**row.details, "study": new}}
        connection.execute(update(tables.artifacts).where(ours.name == row.name).values(values))
