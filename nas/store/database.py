"""An open database: our schema brought up to date, database errors raised as ours."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from nas.errors import StorageError
from nas.store.creation import creation_lock
from nas.store.engine import open_engine, parse_url, shown, sqlite_file
from nas.store.retry import MAX_WAIT_S, wait_when_away
from nas.store.schema import upgrade


class Database:
    """A connection to a database. Close it, or use it as a context manager."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self.name = name

    @classmethod
    def open(cls, url_text: str, *, create: bool, max_wait_s: float = MAX_WAIT_S) -> Self:
        """Connect and bring our schema up to date; `create` allows a SQLite file that is not there yet.

        A server that goes away later is waited for, up to `max_wait_s`.

        Raises StorageError when the database cannot be reached or is of a newer schema.
        """
        url = parse_url(url_text)
        name = shown(url)
        file = sqlite_file(url)
        if file is not None and not create and not file.is_file():
            raise StorageError(f"no database at --storage {name!r}; `nas search` makes one")
        store = cls(open_engine(url), name)
        with store._guarded(), creation_lock(store._engine, name):
            upgrade(store._engine, name)
        wait_when_away(store._engine, max_wait_s)
        return store

    def ping(self) -> None:
        """Check the connection. Raises StorageError when the database does not answer."""
        with self._begin() as connection:
            connection.execute(select(1))

    def vacuum(self, statements: Sequence[str], size_bytes: Callable[[Connection], int]) -> tuple[int, int]:
        """Run the statements outside a transaction; return the database's bytes before and after."""
        with self._guarded(), self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            before = size_bytes(connection)
            for statement in statements:
                connection.execute(text(statement))
            return before, size_bytes(connection)

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with self._guarded(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Raise the database's own errors as StorageErrors, but for broken constraints, which callers handle."""
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise StorageError(f"database {self.name!r}: {reason}{self._hint()}") from error

    def _hint(self) -> str:
        """Explain a read-only folder: SQLite writes beside its file even to read, and its error does not say so."""
        file = sqlite_file(self._engine.url)
        if file is None or not file.is_file() or os.access(file.parent, os.W_OK):
            return ""
        return f" (folder {str(file.parent)!r} is not writable, as SQLite needs it)"
