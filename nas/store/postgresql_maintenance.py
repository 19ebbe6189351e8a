"""Maintenance of PostgreSQL databases: by its own programs pg_dump and pg_restore, and by exported snapshots."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, event, text

from nas.errors import StorageError
from nas.store.engine import open_engine, shown
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
        _run("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={file}")

    def restore(self, url: URL, file: Path) -> None:
        """Replace the backup's tables in one transaction; other tables of the database stay."""
        options = ("--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction")
        _run("pg_restore", url, *options, str(file))

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


def _run(program: str, url: URL, *options: str) -> None:
    """Run one of PostgreSQL's programs on the database. Raises StorageError where it is missing or fails."""
    path = shutil.which(program)
    if path is None:
        raise StorageError(f"{program} is not installed here (Debian: apt-get install postgresql-client)")
    _, settings = url.get_dialect()().create_connect_args(url)
    # The list of processes shows arguments, and no environment.
    password = settings.pop("password", None)
    environment = {
        **os.environ,
        **({} if password is None else {"PGPASSWORD": password}),
        "PGOPTIONS": f"{os.environ.get('PGOPTIONS', '')} -c lock_timeout={LOCK_TIMEOUT_S}s",
    }
    from psycopg.conninfo import make_conninfo

    target = make_conninfo(**settings)
    done = subprocess.run(  # noqa: S603 - the program's own options, and no shell
        [path, f"--dbname={target}", *options],
        capture_output=True,
        text=True,
        env=environment,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "error:" in line] or done.stderr.splitlines()
        reason = lines[0].partition("error: ")[2] or lines[0] if lines else f"exit status {done.returncode}"
        raise StorageError(f"database {shown(url)!r}: {program} failed: {reason}")
