"""A database server that goes away, for a restart or for minutes, and comes back: waited for instead of given up."""

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
# A call is made so many times when the database goes away in the middle of it; between them it is waited for.
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
    """From now on the engine waits for a server that does not answer, up to `max_wait_s`, and says so unless `silent`.

    To be called when it has answered once: a wrong address is an error at once. A file does not go away.
    """
    if engine.dialect.name == "sqlite":
        return
    # Several threads find out at once.
    telling, is_told = threading.Lock(), False

    def tell(is_away: bool, text: str) -> None:
        nonlocal is_told
        with telling:
            if is_away != is_told and not silent:
                _LOG.warning(text)
                is_told = is_away

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _record: Any, arguments: Any, named: Any) -> Any:
        end = clock() + max_wait_s
        while True:
            try:
                connected = dialect.connect(*arguments, **named)
            except dialect.loaded_dbapi.OperationalError as error:
                if clock() >= end:
                    raise
                why = (str(error).strip().splitlines() or ["no answer"])[0]
                tell(True, f"the database is waited for, up to {max_wait_s / 60:.0f} min: {why}")
                sleep(RETRY_S)
            else:
                tell(False, "the database is back")
                return connected


def retry(call: Callable[[], Result]) -> Result:
    """The call's result; it is made again where its connection was lost, so that it must do no harm twice."""
    for _ in range(MAX_CALLS - 1):
        try:
            return call()
        except Exception as error:
            if not is_connection_lost(error):
                raise
    return call()


def retried(method: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """A method whose every call is a lasting one."""

    @wraps(method)
    def called(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        return retry(lambda: method(*arguments, **named))

    return called


def is_connection_lost(error: BaseException | None) -> bool:
    """Whether a lost connection is what the error comes from."""
    while error is not None:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return True
        error = error.__cause__ or error.__context__
    return False
