"""Artifacts on record, one of each name: the last one."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, select, update

from nas.store import tables
from nas.store.artifact import Artifact
from nas.store.database import Database
from nas.store.retry import retried
from nas.store.rows import INSERTS


class Artifacts(Database):
    """What a database keeps beside trials."""

    @retried
    def artifact(self, name: str) -> Artifact | None:
        """The one of that name, None where there is none."""
        query = select(tables.artifacts).where(tables.artifacts.c.name == name)
        with self._begin() as connection:
            row = connection.execute(query).first()
            return None if row is None else _to_artifact(row)

    @retried
    def artifact_details(self, name: str) -> Mapping[str, Any] | None:
        """Of the one of that name, without its content; None where there is none."""
        ours = tables.artifacts.c
        with self._begin() as connection:
            found: Mapping[str, Any] | None = connection.execute(select(ours.details).where(ours.name == name)).scalar()
            return found

    @retried
    def artifacts(self, kind: str) -> list[Artifact]:
        """Those of a kind, the last one first, without their contents."""
        ours = tables.artifacts
        columns = [column for column in ours.c if column is not ours.c.content]
        with self._begin() as connection:
            query = select(*columns).where(ours.c.kind == kind).order_by(ours.c.updated_at.desc())
            return [_to_artifact(row) for row in connection.execute(query)]

    @retried
    def artifact_versions(self, kind: str) -> dict[str, float]:
        """When those of a kind were updated, by their names: by it a later look finds what has changed."""
        ours = tables.artifacts.c
        with self._begin() as connection:
            query = select(ours.name, ours.updated_at).where(ours.kind == kind)
            return {row.name: row.updated_at for row in connection.execute(query)}

    @retried
    def put_artifact(self, artifact: Artifact) -> None:
        """Put it on record, in the place of another one of its name."""
        with self._begin() as connection:
            new = INSERTS[connection.dialect.name](tables.artifacts).values(vars(artifact))
            kept = {name: new.excluded[name] for name in vars(artifact) if name != "name"}
            connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=kept))

    @retried
    def put_artifact_details(self, artifact: Artifact) -> None:
        """Put its details on record, where its content is already."""
        changed = {"details": artifact.details, "updated_at": artifact.updated_at}
        with self._begin() as connection:
            connection.execute(update(tables.artifacts).where(tables.artifacts.c.name == artifact.name).values(changed))


def _to_artifact(row: Row[Any]) -> Artifact:
    return Artifact(**row._mapping)
