"""Engines: the one way to open a database URL, for Optuna's storage and for ours."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from nas.errors import StorageError
from nas.store.creation import creation_lock
from nas.store.retry import MAX_WAIT_S, wait_when_away

BACKENDS = ("sqlite", "postgresql")
BUSY_TIMEOUT_S = 30


class SQLiteConnection(sqlite3.Connection):
    """A connection with write-ahead logging: readers never wait for the writer, commits survive a killed process."""

    def __init__(self, database: str, *args: Any, **kwargs: Any) -> None:
        # A new file is its owner's alone, and SQLite gives the files beside it the same mode. One that exists is not
        # opened: closing it would take SQLite's locks from this process's other connections. What is wrong SQLite says.
        with suppress(OSError):
            os.close(os.open(database, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        super().__init__(database, *args, **kwargs)
        # Not executescript and no cursor left open: the pragmas must run outside a transaction.
        self.execute("PRAGMA journal_mode=WAL").close()
        self.execute("PRAGMA synchronous=NORMAL").close()
        self.execute("PRAGMA foreign_keys=ON").close()


def parse_url(text: str) -> URL:
    """Parse a database URL. Raises StorageError for any other text, and for a database that ends with the process."""
    try:
        url = make_url(text)
        if url.get_backend_name() not in BACKENDS:
            raise ArgumentError(url.get_backend_name())
        url.get_dialect().import_dbapi()
    except (ArgumentError, ImportError, ValueError) as error:
        # A text that is nearly a URL may hold a password.
        value = "" if ":" in text else f" {text!r}"
        raise StorageError(
            f"--storage{value} is not a database URL that can be used here; valid: sqlite:///FILE, postgresql+psycopg://USER@HOST/NAME"
        ) from error
    if "@" in (url.host or ""):
        # The text after it is a part of the password.
        raise StorageError("--storage has an @ in its password: write it as %40, or give the password in PGPASSWORD")
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise StorageError(f"--storage {shown(url)!r} names no file; valid: sqlite:///FILE")
    if url.get_backend_name() == "sqlite" and (str(url.database).startswith("file:") or "uri" in url.query):
        raise StorageError("--storage is in SQLite's form of a URI (file:...); valid: sqlite:///FILE")
    return url


def shown(url: URL) -> str:
    """Format a URL for printing: without its password, and without its query, which may hold one too."""
    return url.set(query={}).render_as_string(hide_password=True)


def sqlite_file(url: URL) -> Path | None:
    """Return the file behind a SQLite URL, None for other databases."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def engine_arguments(url: URL) -> dict[str, Any]:
    """Arguments of `create_engine` besides the URL."""
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": BUSY_TIMEOUT_S, "factory": SQLiteConnection}}
    return {"pool_pre_ping": True, "connect_args": {"connect_timeout": BUSY_TIMEOUT_S}}


def open_engine(url: URL) -> Engine:
    return create_engine(url, **engine_arguments(url))


def open_optuna(url: URL, max_wait_s: float = MAX_WAIT_S) -> optuna.storages.RDBStorage:
    """Open Optuna's storage in a database, and wait up to `max_wait_s` for one that goes away later.

    Raises StorageError when Optuna cannot use the database.
    """
    engine = open_engine(url)
    try:
        with creation_lock(engine, shown(url)):
            storage = optuna.storages.RDBStorage(
                url.render_as_string(hide_password=False), engine_kwargs=engine_arguments(url)
            )
        # Our own engine on the same database reports the wait.
        wait_when_away(storage.engine, max_wait_s, silent=True)
        return storage
    except (SQLAlchemyError, RuntimeError, optuna.exceptions.StorageInternalError) as error:
        raise StorageError(f"Optuna cannot use database {shown(url)!r}: {str(error).splitlines()[0]}") from error
    finally:
        engine.dispose()
