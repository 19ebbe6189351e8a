"""The start of a Ray of this process's own, and the resource that was likely missing where it fails."""

import errno
import logging
import os
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import ray

from nas.errors import NasError, SearchInterruptedError
from nas.latency.machine import available_bytes
from nas.trial_cost import size
from workers.ray.environment import reason

# The names of Ray's sockets below its temporary folder, and the system's limit of a socket's path.
SOCKET_CHARACTERS = len("/ray/session_2000-01-01_00-00-00_000000_0000000/sockets/plasma_store")
MAX_SOCKET_PATH = 107
# Ray's own processes take about as much before any trial runs.
MIN_MEMORY_BYTES = 2**30
MIN_OPEN_FILES = 256
# The room for logs, and for Ray's object store where shared memory has none.
MIN_DISK_BYTES = 2**28
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def start_ray(num_cpus: int) -> None:
    """Start a local Ray. Raises SearchInterruptedError, which names the likely cause, when that fails."""
    with starting():
        ray.init(
            address="local",
            num_cpus=num_cpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )


@contextmanager
def starting(has_begun: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Raise SearchInterruptedError, with the likely cause, for any error within the block before it `has_begun`.

    Ray reports the lack of whatever it needs by errors of many types, whose messages go on for pages.
    """
    try:
        yield
    except NasError:
        raise
    except Exception as error:
        if has_begun():
            raise
        cause = likely_cause(error, _temporary_folder(), available_bytes())
        message = f"Ray did not start: {cause}; then run the same command again (Ray says: {reason(error)})"
        raise SearchInterruptedError(message) from error


def likely_cause(error: Exception, folder: Path, free_memory: int) -> str:
    """Say which resource was likely missing, by the error and the state of the machine, and what to do."""
    text = str(error).lower()
    number = error.errno if isinstance(error, OSError) else None
    if "af_unix" in text or len(os.fsencode(folder)) + SOCKET_CHARACTERS > MAX_SOCKET_PATH:
        return (
            f"the path of its temporary folder, {str(folder)!r}, is too long for sockets; set RAY_TMPDIR to a folder "
            f"of at most {MAX_SOCKET_PATH - SOCKET_CHARACTERS} characters"
        )
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return f"its temporary folder, {str(folder)!r}, cannot be written to; set RAY_TMPDIR to another one"
    free_disk = shutil.disk_usage(folder).free
    if number in NO_SPACE or free_disk < MIN_DISK_BYTES:
        return (
            f"its temporary folder, {str(folder)!r}, has {size(free_disk)} left; make room there, or set RAY_TMPDIR to "
            "another one"
        )
    files, address_space = (resource.getrlimit(limit)[0] for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_AS))
    if files != resource.RLIM_INFINITY and files < MIN_OPEN_FILES:
        return f"a process may have only {files} files open; allow more by `ulimit -n {4 * MIN_OPEN_FILES}`"
    if free_memory < MIN_MEMORY_BYTES or number == errno.ENOMEM or "memory" in text or "/dev/shm" in text:  # noqa: S108
        return f"too little memory is free ({size(free_memory)}); end other programs, or take fewer --workers"
    if number == errno.EADDRINUSE or "address already in use" in text or "port" in text.split():
        return "the ports that it needs are taken or closed; end other Rays, and let programs listen on 127.0.0.1"
    if address_space != resource.RLIM_INFINITY:
        return f"a process may take only {size(address_space)} of memory; allow more by `ulimit -v unlimited`"
    return "its processes did not answer in time; wait until the machine has less to do"


def _temporary_folder() -> Path:
    """The folder in which Ray makes its own."""
    return Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir())
