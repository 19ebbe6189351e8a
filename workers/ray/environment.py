"""Ray's environment variables, set while a local Ray runs, and connections to a cluster."""

import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache

import ray

import hybrid_nas
from nas.errors import PackageConflictError, ParameterError, SearchInterruptedError

ANSWER_S = 10.0
TOKENS = "RAY_AUTH_MODE"
ALWAYS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    # Ray's memory monitor would end the whole run; the kernel ends the one worker, which is replaced.
    "RAY_memory_monitor_refresh_ms": "0",
    # Ray would run its workers at niceness 15: other processes of the machine would slow them and their measurements.
    "RAY_worker_niceness": "0",
}


# The function that each of Ray's workers calls first, and the variable by which Ray passes its name on. Given as a
# runtime environment, which a cluster's nodes need, it costs each worker .65 s.
SETUP_HOOK = f"{hybrid_nas.__name__}.{hybrid_nas.import_rooms.__name__}"
SETUP_HOOK_VARIABLE = "__RAY_WORKER_PROCESS_SETUP_HOOK_ENV_VAR"


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set these variables in the process's environment within the block."""
    with _restored(values):
        os.environ.update(values)
        yield


@contextmanager
def _restored(names: Iterable[str]) -> Iterator[None]:
    """Give these variables the values back, after the block, that they had before it."""
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def ray_environment(also: Mapping[str, str], *, own: bool = True) -> Iterator[None]:
    """Set the variables that Ray needs at its start, and `also`, within the block; `own` unless Ray is a cluster's."""
    # A token of its own keeps Ray from writing one to the user's home; a cluster uses the user's.
    own_variables = {"RAY_AUTH_TOKEN": _token(), SETUP_HOOK_VARIABLE: SETUP_HOOK} if own else {}
    # Ray sets the mode for good, and processes that are forked later with Ray imported would not agree with it.
    with _restored([TOKENS]), environment({**ALWAYS, **also, **own_variables}):
        yield


@cache
def _token() -> str:
    """The token of this process's own Rays, one after another: Ray remembers the first one that it is given."""
    return secrets.token_hex(16)


def check_address(address: str) -> None:
    """Raise ParameterError when nothing answers at `address`: Ray itself would try for minutes."""
    if "@" in address:
        # The part before it may hold a password, which no message is to repeat.
        raise ParameterError("--ray-address has an @ in it; it must be of the form HOST:PORT")
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdecimal()) or "/" in host:
        raise ParameterError(f"--ray-address {address!r} is not of the form HOST:PORT")
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER_S).close()
    except (OSError, ValueError, OverflowError) as error:
        raise ParameterError(f"--ray-address {address!r} is no Ray cluster: {reason(error)}") from error


def connect(address: str) -> None:
    """Join the cluster at `address`, with the environment that `ray start` needed; once per process.

    Raises ParameterError when it does not answer.
    """
    if ray.is_initialized():
        check_workers()
        return
    check_address(address)
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"worker_process_setup_hook": _setup_hook()},
        )
    except (OSError, RuntimeError, ValueError) as error:
        hint = "" if TOKENS in os.environ else f"; where nodes have a token, {TOKENS}=token is needed here too"
        raise ParameterError(f"--ray-address {address!r} is no Ray cluster: {reason(error)}{hint}") from error


def _setup_hook() -> Callable[[], None]:
    """The function that a cluster's workers call first. A node that lacks this package says so by its first job."""

    # A function within one is pickled with its code: a node need not have it.
    def import_rooms() -> None:
        from contextlib import suppress

        with suppress(ModuleNotFoundError):
            import hybrid_nas

            hybrid_nas.import_rooms()

    return import_rooms


def check_workers() -> None:
    """Raise PackageConflictError where a Ray that others have started would have workers import the user's modules for
    ours.
    """
    problems = hybrid_nas.conflicts()
    if not problems:
        return

    # Pickled with its code, as above.
    def begins_with_ours(name: str) -> bool:
        import sys

        return name in sys.modules

    task = ray.remote(num_cpus=0, max_retries=0)(begins_with_ours)
    if not ray.get(task.remote("nas")):
        hint = f"ray.init(runtime_env={{'worker_process_setup_hook': {SETUP_HOOK!r}}})"
        raise PackageConflictError(f"{problems[0]}; or start Ray by {hint}, as a search does that starts its own")


def broken_down(error: Exception) -> SearchInterruptedError:
    """The error to raise for an error of Ray's that ends a search."""
    return broke_down(reason(error, -1))


def broke_down(why: str) -> SearchInterruptedError:
    """The error to raise when Ray ends a search, with the reason."""
    return SearchInterruptedError(f"Ray broke down ({why}); the same command goes on with the study")


def reason(error: BaseException, line: int = 0) -> str:
    """One line of an error's message, or its type's name where it has none: Ray's messages go on for pages."""
    lines = str(error).strip().splitlines()
    return lines[line] if lines else type(error).__name__
