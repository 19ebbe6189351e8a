"""Ways to back up, restore, vacuum and freeze a database, by its kind."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Connection

from nas.store.postgresql_maintenance import PostgreSQLMaintenance
from nas.store.source import Source
from nas.store.sqlite_maintenance import SQLiteMaintenance


class Maintenance(Protocol):
    """Maintenance of databases of one kind, while others read and write them."""

    @property
    def name(self) -> str:
        """The name of the kind, for people."""

    @property
    def header(self) -> bytes:
        """The first bytes of a backup."""

    @property
    def vacuum_statements(self) -> tuple[str, ...]:
        """Statements outside a transaction that give freed room back."""

    def backup(self, url: URL, file: Path) -> None:
        """Write the database's content at one moment to a new file. Raises StorageError."""

    def schema_version(self, file: Path) -> str | None:
        """Read the revision of our schema in a backup; None where it has none of ours. Raises StorageError."""

    def restore(self, url: URL, file: Path) -> None:
        """Replace the database's content by that of a backup, whole or not at all. Raises StorageError."""

    def size_bytes(self, connection: Connection) -> int:
        """Return the size of the database on disk."""

    def frozen(self, url: URL) -> AbstractContextManager[Source]:
        """Return the database as it is at one moment, for reading."""


MAINTENANCE: Mapping[str, Maintenance] = {"sqlite": SQLiteMaintenance(), "postgresql": PostgreSQLMaintenance()}


def maintenance_of(url: URL) -> Maintenance:
    """Return the maintenance of the database of that URL."""
    return MAINTENANCE[url.get_backend_name()]
