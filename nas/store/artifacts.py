"""The table of artifacts, with the last one of each name."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Row, delete, func, select, update

from nas.store import tables
from nas.store.artifact import Artifact
from nas.store.database import Database
from nas.store.retry import retried
from nas.store.rows import INSERTS


class Artifacts(Database):
    """The artifacts in a database."""

    @retried
    def artifact(self, name: str) -> Artifact | None:
        """Read the artifact of that name; None where there is none."""
        query = select(tables.artifacts).where(tables.artifacts.c.name == name)
        with self._begin() as connection:
            row = connection.execute(query).first()
            return None if row is None else _to_artifact(row)

    @retried
    def artifact_details(self, name: str) -> Mapping[str, Any] | None:
        """Read the details of the artifact of that name, without its content; None where there is none."""
        ours = tables.artifacts.c
        with self._begin() as connection:
            details: Mapping[str, Any] | None = connection.scalar(select(ours.details).where(ours.name == name))
            return details

    @retried
    def artifacts(self, kind: str) -> list[Artifact]:
        """List the artifacts of a kind without their contents, the newest first."""
        ours = tables.artifacts
        columns = [column for column in ours.c if column is not ours.c.content]
        with self._begin() as connection:
            query = select(*columns).where(ours.c.kind == kind).order_by(ours.c.updated_at.desc())
            return [_to_artifact(row) for row in connection.execute(query)]

    @retried
    def artifact_versions(self, kind: str) -> dict[str, float]:
        """The update times of the artifacts of a kind, by name: an artifact changes only with its time."""
        ours = tables.artifacts.c
        with self._begin() as connection:
            query = select(ours.name, ours.updated_at).where(ours.kind == kind)
            return {row.name: row.updated_at for row in connection.execute(query)}

    @retried
    def artifact_sizes(self, before: float = float("inf")) -> dict[str, int]:
        """The bytes of the contents of all artifacts that were last updated before that time, by name."""
        ours = tables.artifacts.c
        with self._begin() as connection:
            query = select(ours.name, func.length(ours.content), ours.updated_at)
            return {name: size for name, size, updated_at in connection.execute(query) if updated_at < before}

    @retried
    def remove_artifacts(self, names: Collection[str]) -> None:
        """Delete the artifacts of these names."""
        with self._begin() as connection:
            for name in names:
                connection.execute(delete(tables.artifacts).where(tables.artifacts.c.name == name))

    @retried
    def put_artifact(self, artifact: Artifact) -> None:
        """Record an artifact, replacing another one of its name."""
        with self._begin() as connection:
            new = INSERTS[connection.dialect.name](tables.artifacts).values(vars(artifact))
            replaced = {name: new.excluded[name] for name in vars(artifact) if name != "name"}
            connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=replaced))

    @retried
    def put_artifact_details(self, artifact: Artifact) -> None:
        """Update the details of a recorded artifact, and keep its content."""
        changed = {"details": artifact.details, "updated_at": artifact.updated_at}
        with self._begin() as connection:
            connection.execute(update(tables.artifacts).where(tables.artifacts.c.name == artifact.name).values(changed))


def _to_artifact(row: Row[Any]) -> Artifact:
    return Artifact(**row._mapping)
