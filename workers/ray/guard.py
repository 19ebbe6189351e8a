"""Supervision of Ray's processes: a search ends at once when one is killed, and leaves none of its own Ray behind."""

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
# Longer than it takes a search to stop after a signal.
GRACE_S = 20.0
RAYLET = "raylet"
# Without either no trial runs any more, and nothing restarts them.
NEEDED = (RAYLET, "gcs_server")


class RayGuard(threading.Thread):
    """A thread that sends this process SIGINT when a needed process of Ray's is gone; `lost` is then its name.

    Needed are the processes that this process has started, or in a cluster the raylet of this machine's node.

    A thread that waits inside of Ray for an answer handles no signal: where the guard is not stopped within GRACE_S
    after the SIGINT, it prints the error and ends the process, which Ray would do later.
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
        """The error to raise for the loss."""
        return broke_down(f"its {self.lost} ended")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch within the block. Raises SearchInterruptedError when a needed process is lost; then stop the guard."""
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
    """Kill the rest of Ray after the block, which shuts it down: the raylet's agents would notice a minute later."""
    family = _family()
    try:
        yield
    finally:
        _kill(family)


def _family() -> list[psutil.Process]:
    """The descendants of this process's raylet."""
    return [process for _, raylet in _children(RAYLET) for process in raylet.children(recursive=True)]


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _children(*names: str) -> list[tuple[str, psutil.Process]]:
    """This process's children of these names."""
    children = []
    for process in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if process.name() in names:
                children.append((process.name(), process))
    return children


def _joined() -> Iterator[tuple[str, psutil.Process]]:
    """The raylet of the cluster's node on this machine, which another process has started."""
    here = ray.get_runtime_context().get_node_id()
    sockets = [node["RayletSocketName"] for node in ray.nodes() if node["NodeID"] == here]
    for process in psutil.process_iter(["name", "cmdline"]):
        arguments = process.info["cmdline"] or ()
        if process.info["name"] == RAYLET and any(socket in word for socket in sockets for word in arguments):
            yield RAYLET, process


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
