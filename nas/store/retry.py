"""Waiting for a database server that goes away for a restart or for minutes, and retries of interrupted calls."""

import logging
import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError

MAX_WAIT_S = 900.0
RETRY_S = 1.0
# Attempts at a call during which the connection is lost; each one waits for the database to come back.
MAX_CALLS = 3

_LOG = logging.getLogger(__name__)

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


def wait_when_away(
    engine: Engine,
    max_wait_s: float = MAX_WAIT_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    *,
    silent: bool = False,
) -> None:
    """Make the engine wait for a server that does not answer, up to `max_wait_s`, with a warning unless `silent`.

    To be called after a first answer, so that a wrong address is an error at once. A file does not go away.
    """
    if engine.dialect.name == "sqlite":
        return
    # Several threads lose their connections at once; one of them reports it.
    lock, was_away = threading.Lock(), False

    def report(is_away: bool, text: str) -> None:
        nonlocal was_away
        with lock:
            if is_away != was_away and not silent:
                _LOG.warning(text)
                was_away = is_away

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _record: Any, arguments: Any, named: Any) -> Any:
        end = clock() + max_wait_s
        while True:
            try:
                connected = dialect.connect(*arguments, **named)
            except dialect.loaded_dbapi.OperationalError as error:
                if clock() >= end:
                    raise
                reason = (str(error).strip().splitlines() or ["no answer"])[0]
                report(True, f"the database is waited for, up to {max_wait_s / 60:.0f} min: {reason}")
                sleep(RETRY_S)
            else:
                report(False, "the database is back")
                return connected


def retry(call: Callable[[], Result]) -> Result:
    """Return the call's result, and repeat the call when its connection is lost; it must be idempotent."""
    for _ in range(MAX_CALLS - 1):
        try:
            return call()
        except Exception as error:
            if not is_connection_lost(error):
                raise
    return call()


def retried(method: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Decorate a method so that `retry` makes each of its calls."""

    @wraps(method)
    def wrapper(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        return retry(lambda: method(*arguments, **named))

    return wrapper


def is_connection_lost(error: BaseException | None) -> bool:
    """Whether a lost connection caused the error."""
    while error is not None:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return True
        error = error.__cause__ or error.__context__
    return False
