"""What Ray reads from the environment and from nowhere else, set for as long as a local Ray runs."""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

ALWAYS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    # Ray's own memory watch would end the whole run; the kernel's ends the one worker, which is replaced.
    "RAY_memory_monitor_refresh_ms": "0",
}


@contextmanager
def ray_environment(also: Mapping[str, str]) -> Iterator[None]:
    """The process's environment with what Ray needs, and `also`, for the length of the block."""
    # A token of its own keeps Ray from writing one to the user's home.
    values = {**ALWAYS, "RAY_AUTH_TOKEN": secrets.token_hex(16), **also}
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
