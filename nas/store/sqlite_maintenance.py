"""Maintenance of SQLite files, by SQLite's online backup API: nobody who uses the file has to stop.

(https://www.sqlite.org/backup.html. With write-ahead logging a copy in one step neither waits for writers nor stops
them.)
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL, Connection, text

from nas.errors import StorageError
from nas.store.engine import BUSY_TIMEOUT_S, SQLiteConnection, shown, sqlite_file
from nas.store.schema import VERSION_TABLE
from nas.store.source import Source, opened


class SQLiteMaintenance:
    """Maintenance of SQLite files; a nas.store.maintenance.Maintenance."""

    name = "SQLite"
    header = b"SQLite format 3\0"
    # Room is given back when the log's content goes into the file.
    vacuum_statements = ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)")

    def backup(self, url: URL, file: Path) -> None:
        """Write a file that is complete by itself, and its owner's alone."""
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with (
            _reported(f"database {shown(url)!r}"),
            closing(_connect(sqlite_file(url))) as source,
            closing(_connect(file)) as copy,
        ):
            source.backup(copy)
            # Without the log that SQLite keeps beside a file in use.
            copy.execute("PRAGMA journal_mode=DELETE")

    def schema_version(self, file: Path) -> str | None:
        with _reported(f"backup {str(file)!r}"), closing(_open_backup(file)) as source:
            (problem,) = source.execute("PRAGMA quick_check(1)").fetchone()
            if problem != "ok":
                raise StorageError(f"backup {str(file)!r} is damaged: {problem}")
            query = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?"
            if source.execute(query, (VERSION_TABLE,)).fetchone() == (0,):
                return None
            version: str = source.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()[0]  # noqa: S608
            return version

    def restore(self, url: URL, file: Path) -> None:
        """Write the backup's content into the file: those who have it open see it from their next statement on."""
        database = sqlite3.connect(str(url.database), timeout=BUSY_TIMEOUT_S, factory=SQLiteConnection)
        with _reported(f"database {shown(url)!r}"), closing(database), closing(_open_backup(file)) as source:
            source.backup(database)

    def size_bytes(self, connection: Connection) -> int:
        pages: int = connection.scalar(text("PRAGMA page_count")) or 0
        page_bytes: int = connection.scalar(text("PRAGMA page_size")) or 0
        return pages * page_bytes

    @contextmanager
    def frozen(self, url: URL) -> Iterator[Source]:
        """Open a temporary copy of the file."""
        with TemporaryDirectory(prefix="nas-copy-") as folder:
            copy = Path(folder) / "frozen.db"
            self.backup(url, copy)
            with opened(url.set(database=str(copy))) as source:
                yield source


def _connect(file: Path | None) -> sqlite3.Connection:
    return sqlite3.connect(str(file), timeout=BUSY_TIMEOUT_S)


def _open_backup(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)


@contextmanager
def _reported(name: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StorageError(f"{name}: {error}") from error
