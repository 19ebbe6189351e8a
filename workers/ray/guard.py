"""Ray's processes: where one is killed the search ends at once and says so; none is left behind of a Ray of its own."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psutil
import ray

from nas.errors import SearchInterruptedError
from workers.ray.environment import broke_down
from workers.ray.interruption import STDERR

CHECK_S = 0.5
# Longer than it takes a search to stop once it has heard.
GRACE_S = 20.0
RAYLET = "raylet"
# Without either no trial runs any more, and nothing brings them back.
NEEDED = (RAYLET, "gcs_server")


class Guard(threading.Thread):
    """Sends this process SIGINT when one of Ray's processes that it needs is gone; `lost` is its name then.

    Those are what it has started, or in a cluster the raylet through which it is in it.

    Whoever waits inside of Ray for an answer hears no signal: where the guard is not told to stop within GRACE_S after
    that, it says what has happened and ends the process, which Ray would do later.
    """

    def __init__(self) -> None:
        super().__init__(name="guard of Ray", daemon=True)
        self.lost: str | None = None
        self._stopped = threading.Event()
        self._needed = _children(*NEEDED) or list(_joined())

    def run(self) -> None:
        while self.lost is None:
            if self._stopped.wait(CHECK_S):
                return
            self.lost = next((name for name, process in self._needed if not _lives(process)), None)
        os.kill(os.getpid(), signal.SIGINT)
        if not self._stopped.wait(GRACE_S):
            os.write(STDERR, f"nas: error: {self.error}\n".encode())
            _kill(_family())
            os._exit(self.error.exit_code)

    @property
    def error(self) -> SearchInterruptedError:
        """What there is to say of a loss."""
        return broke_down(f"its {self.lost} ended")

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Raises SearchInterruptedError when Ray loses a process that it needs; the guard is to be stopped then."""
        self.start()
        try:
            yield
        except KeyboardInterrupt:
            if self.lost is None:
                raise
            raise self.error from None
        finally:
            if self.lost is None:
                self.stop()

    def stop(self) -> None:
        self._stopped.set()
        self.join()


@contextmanager
def none_left() -> Iterator[None]:
    """In the block Ray is shut down. Agents that their raylet leaves behind would take a minute to notice."""
    family = _family()
    try:
        yield
    finally:
        _kill(family)


def _family() -> list[psutil.Process]:
    """Of this process's raylet."""
    return [each for _, raylet in _children(RAYLET) for each in raylet.children(recursive=True)]


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
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


def _joined() -> Iterator[tuple[str, psutil.Process]]:
    """The raylet of the cluster's node here; it belongs to whoever started it."""
    here = ray.get_runtime_context().get_node_id()
    sockets = [node["RayletSocketName"] for node in ray.nodes() if node["NodeID"] == here]
    for process in psutil.process_iter(["name", "cmdline"]):
        words = process.info["cmdline"] or ()
        if process.info["name"] == RAYLET and any(socket in word for socket in sockets for word in words):
            yield RAYLET, process


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
