"""A start of Ray that fails names the resource that was likely missing, in one line."""

import errno
import os
import resource
from pathlib import Path

import pytest

from nas.errors import ParameterError, SearchInterruptedError
from workers.ray.start import likely_cause, starting

PLENTY = 2**36


@pytest.fixture
def short_folder() -> Path:
    """A folder whose path leaves room for sockets' names, as the one that tests give Ray does."""
    return Path(os.environ["RAY_TMPDIR"])


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (OSError("validate_socket_filename failed: AF_UNIX path length cannot exceed 107 bytes"), "RAY_TMPDIR"),
        (OSError(errno.ENOSPC, "No space left on device"), "make room there"),
        (ValueError("The configured object store size (9 GB) exceeds /dev/shm size"), "too little memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "too little memory"),
        (OSError(errno.EADDRINUSE, "Address already in use"), "ports"),
        (Exception("The current node timed out during startup."), "did not answer in time"),
    ],
)
def test_the_error_tells_the_resource(error: Exception, named: str, short_folder: Path) -> None:
    assert named in likely_cause(error, short_folder, PLENTY)


def test_the_machines_state_tells_it_where_the_error_does_not(short_folder: Path) -> None:
    error = Exception("timed out")
    assert "too long for sockets" in likely_cause(error, Path("/", "x" * 60), PLENTY)
    assert "cannot be written to" in likely_cause(error, Path("/nowhere"), PLENTY)
    assert "too little memory is free (0.1 GiB)" in likely_cause(error, short_folder, 1000)


@pytest.mark.parametrize(
    ("limit", "value", "named"),
    [
        (resource.RLIMIT_NOFILE, 200, "only 200 files open; allow more by `ulimit -n"),
        (resource.RLIMIT_AS, 2**46, "only 65536 GiB of memory; allow more by `ulimit -v"),
    ],
)
def test_limits_of_processes_are_named(limit: int, value: int, named: str, short_folder: Path) -> None:
    before, hard = resource.getrlimit(limit)
    resource.setrlimit(limit, (value, hard))
    try:
        assert named in likely_cause(Exception("timed out"), short_folder, PLENTY)
    finally:
        resource.setrlimit(limit, (before, hard))


def test_a_start_raises_one_line_and_mistakes_of_ours_pass() -> None:
    with pytest.raises(SearchInterruptedError) as raised, starting():
        raise RuntimeError("first line\nsecond line")
    assert "Ray says: first line" in str(raised.value)
    assert "second line" not in str(raised.value)
    with pytest.raises(ParameterError), starting():
        raise ParameterError("--workers 0")
    with pytest.raises(TypeError), starting(lambda: True):
        raise TypeError("after the start")
