"""A database that is read from: through our engine and Optuna's storage."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import optuna
from sqlalchemy import URL, Engine

from nas.store.engine import open_engine, open_optuna


class Source(NamedTuple):
    """Our engine and Optuna's storage of one database."""

    engine: Engine
    storage: optuna.storages.RDBStorage


@contextmanager
def opened(url: URL) -> Iterator[Source]:
    """Open both within the block."""
    engine = open_engine(url)
    try:
        storage = open_optuna(url)
        try:
            yield Source(engine, storage)
        finally:
            storage.engine.dispose()
    finally:
        engine.dispose()
