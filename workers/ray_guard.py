"""The processes of a Ray of one's own: where one is killed the search ends at once and says so; none is left behind."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from workers.ray_environment import broke_down

CHECK_S = 0.5
RAYLET = "raylet"
# Without either no trial runs any more, and nothing brings them back.
NEEDED = (RAYLET, "gcs_server")


class Guard(threading.Thread):
    """Sends this process SIGINT when one of Ray's processes that it has started is gone; `lost` is its name then."""

    def __init__(self) -> None:
        super().__init__(name="guard of Ray", daemon=True)
        self.lost: str | None = None
        self._stopped = threading.Event()
        self._needed = _children(*NEEDED)

    def run(self) -> None:
        while not self._stopped.wait(CHECK_S):
            for name, process in self._needed:
                if not _lives(process):
                    self.lost = name
                    os.kill(os.getpid(), signal.SIGINT)
                    return

    def stop(self) -> None:
        self._stopped.set()
        self.join()


@contextmanager
def guarded() -> Iterator[None]:
    """Raises SearchInterruptedError when Ray loses a process that it needs."""
    guard = Guard()
    guard.start()
    try:
        yield
    except KeyboardInterrupt:
        if guard.lost is None:
            raise
        raise broke_down(f"its {guard.lost} ended") from None
    finally:
        guard.stop()


@contextmanager
def none_left() -> Iterator[None]:
    """In the block Ray is shut down. Agents that their raylet leaves behind would take a minute to notice."""
    family = [each for _, raylet in _children(RAYLET) for each in raylet.children(recursive=True)]
    try:
        yield
    finally:
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def _children(*names: str) -> list[tuple[str, psutil.Process]]:
    """Of this process, those that are called so."""
    found = []
    for process in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if process.name() in names:
                found.append((process.name(), process))
    return found


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
