"""The lock under which a database is created and migrated: ours and Optuna's tables, by one process at a time.

Optuna creates its tables in several transactions, and SQLite turns to write-ahead logging outside of any.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

from nas.errors import StorageError

MAX_WAIT_S = 60.0
CHECK_S = 0.02
# The lock's number in PostgreSQL.
LOCK_NUMBER = 72108


@contextmanager
def creation_lock(
    engine: Engine, name: str, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Hold the lock of the engine's database within the block. It ends with its process.

    Raises StorageError, or the database's own error, when another process holds it for longer than MAX_WAIT_S.
    """
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{MAX_WAIT_S:.0f}s'"))
            connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK_NUMBER})"))
            yield
        return
    # The file's folder is locked: a lock on the file itself would be in SQLite's way, one beside it would stay.
    with _descriptor(Path(str(engine.url.database)).parent) as descriptor:
        end = clock() + MAX_WAIT_S
        while not _locked(descriptor):
            if clock() > end:
                raise StorageError(f"database {name!r}: another process has been creating it for {MAX_WAIT_S:.0f} s")
            sleep(CHECK_S)
        yield


@contextmanager
def _descriptor(folder: Path) -> Iterator[int | None]:
    """Open the folder; None where that cannot be: SQLite reports it if it needs more."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor: int | None) -> bool:
    """Take the lock, and say whether that is done; also where the file system has no locks."""
    try:
        if descriptor is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True
