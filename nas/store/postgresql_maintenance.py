"""Maintenance of PostgreSQL databases: by its own programs pg_dump and pg_restore, and by exported snapshots."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from sqlalchemy import URL, Connection, event, text

from nas.errors import StorageError
from nas.store.engine import open_engine, shown
from nas.store.schema import VERSION_TABLE
from nas.store.source import Source, opened

# A restoration waits for those who read or write a table.
LOCK_TIMEOUT_S = 60
ISOLATION = "REPEATABLE READ"


class PostgreSQLMaintenance:
    """Maintenance of PostgreSQL databases; a nas.store.maintenance.Maintenance."""

    name = "PostgreSQL"
    header = b"PGDMP"
    vacuum_statements = ("VACUUM (ANALYZE)",)

    def backup(self, url: URL, file: Path) -> None:
        """Write pg_dump's custom format, as its owner's alone."""
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        _run_on("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={file}")

    def schema_version(self, file: Path) -> str | None:
        options = ("--data-only", f"--table={VERSION_TABLE}", "--file=-", str(file))
        lines = _run("pg_restore", f"backup {str(file)!r}", {}, *options).splitlines()
        # Rows follow the line with COPY, as text.
        return next((row for line, row in pairwise(lines) if line.startswith("COPY ")), None)

    def restore(self, url: URL, file: Path) -> None:
        """Replace the backup's tables in one transaction; other tables of the database stay."""
        options = ("--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction")
        _run_on("pg_restore", url, *options, str(file))

    def size_bytes(self, connection: Connection) -> int:
        size: int = connection.scalar(text("SELECT pg_database_size(current_database())")) or 0
        return size

    @contextmanager
    def frozen(self, url: URL) -> Iterator[Source]:
        """Open the database so that every transaction sees it as the first one does."""
        first = open_engine(url)
        try:
            with first.connect().execution_options(isolation_level=ISOLATION) as connection, opened(url) as source:
                snapshot = connection.scalar(text("SELECT pg_export_snapshot()"))

                def see(began: Connection) -> None:
                    began.exec_driver_sql(f"SET TRANSACTION ISOLATION LEVEL {ISOLATION}")
                    began.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{snapshot}'")

                for engine in (source.engine, source.storage.engine):
                    event.listen(engine, "begin", see)
                yield source
        finally:
            first.dispose()


def _run_on(program: str, url: URL, *options: str) -> None:
    """Run one of PostgreSQL's programs on the database. Raises StorageError where it is missing or fails."""
    _, settings = url.get_dialect()().create_connect_args(url)
    # The list of processes shows arguments, and no environment.
    password = settings.pop("password", None)
    environment = {
        **({} if password is None else {"PGPASSWORD": password}),
        "PGOPTIONS": f"{os.environ.get('PGOPTIONS', '')} -c lock_timeout={LOCK_TIMEOUT_S}s",
    }
    from psycopg.conninfo import make_conninfo

    _run(program, f"database {shown(url)!r}", environment, f"--dbname={make_conninfo(**settings)}", *options)


def _run(program: str, name: str, environment: Mapping[str, str], *options: str) -> str:
    """Return the program's output. `name` is of what it is run on, for messages."""
    path = shutil.which(program)
    if path is None:
        raise StorageError(f"{program} is not installed here (Debian: apt-get install postgresql-client)")
    done = subprocess.run(  # noqa: S603 - the program's own options, and no shell
        [path, *options],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "error:" in line] or done.stderr.splitlines()
        reason = lines[0].partition("error: ")[2] or lines[0] if lines else f"exit status {done.returncode}"
        raise StorageError(f"{name}: {program} failed: {reason}")
    return done.stdout
