"""What Ray reads from the environment and from nowhere else, set for as long as a local Ray runs."""

import logging
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import ray

from nas.errors import ParameterError, SearchInterruptedError

ANSWER_S = 10.0
TOKENS = "RAY_AUTH_MODE"
ALWAYS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    # Ray's own memory watch would end the whole run; the kernel's ends the one worker, which is replaced.
    "RAY_memory_monitor_refresh_ms": "0",
    # Ray would run its workers at niceness 15: whatever else the machine does would slow them, and what they measure.
    "RAY_worker_niceness": "0",
}


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """The process's environment with these values for the length of the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def ray_environment(also: Mapping[str, str], *, own: bool = True) -> Iterator[None]:
    """With what Ray needs as it starts, and `also`; `own` if it is no cluster's."""
    # A token of its own keeps Ray from writing one to the user's home; a cluster has the user's.
    token = {"RAY_AUTH_TOKEN": secrets.token_hex(16)} if own else {}
    with environment({**ALWAYS, **also, **token}):
        yield


def check_address(address: str) -> None:
    """Raises ParameterError when nobody answers there: Ray itself would try for minutes."""
    if "@" in address:
        # What stands there may be a password.
        raise ParameterError("--ray-address has an @ in it, and is to be of the form HOST:PORT")
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdecimal()) or "/" in host:
        raise ParameterError(f"--ray-address {address!r} is not of the form HOST:PORT")
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER_S).close()
    except (OSError, ValueError, OverflowError) as error:
        raise ParameterError(f"--ray-address {address!r} is no Ray cluster: {reason(error)}") from error


def connect(address: str) -> None:
    """Join the cluster at `address`, as the environment and `ray start` have set it up; once per process.

    Raises ParameterError when it does not answer.
    """
    if ray.is_initialized():
        return
    check_address(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        hint = "" if TOKENS in os.environ else f"; where nodes have a token, {TOKENS}=token is needed here too"
        raise ParameterError(f"--ray-address {address!r} is no Ray cluster: {reason(error)}{hint}") from error


def broken_down(error: Exception) -> SearchInterruptedError:
    """What is told of an error of Ray's that ends a search."""
    return broke_down(reason(error, -1))


def broke_down(why: str) -> SearchInterruptedError:
    return SearchInterruptedError(f"Ray broke down ({why}); the same command goes on with the study")


def reason(error: BaseException, line: int = 0) -> str:
    """That line of what an error says, or its type's name where it says nothing: Ray's go on for pages."""
    lines = str(error).strip().splitlines()
    return lines[line] if lines else type(error).__name__
