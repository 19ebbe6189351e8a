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
        with _reported(url), closing(_connect(sqlite_file(url))) as source, closing(_connect(file)) as copy:
            source.backup(copy)
            # Without the log that SQLite keeps beside a file in use.
            copy.execute("PRAGMA journal_mode=DELETE")

    def restore(self, url: URL, file: Path) -> None:
        """Write the backup's content into the file: those who have it open see it from their next statement on."""
        backup = f"{file.resolve().as_uri()}?mode=ro"
        with (
            _reported(url),
            closing(sqlite3.connect(backup, uri=True)) as source,
            closing(sqlite3.connect(str(url.database), timeout=BUSY_TIMEOUT_S, factory=SQLiteConnection)) as database,
        ):
            (problem,) = source.execute("PRAGMA quick_check(1)").fetchone()
            if problem != "ok":
                raise StorageError(f"backup {str(file)!r} is damaged: {problem}")
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


@contextmanager
def _reported(url: URL) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StorageError(f"database {shown(url)!r}: {error}") from error
