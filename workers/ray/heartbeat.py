"""Heartbeats: a worker that hangs is found and killed, whereupon Tune replaces it and its trial is tried again.

Workers tell an actor of Ray's every few seconds that they live and since when their present step runs; a thread of the
driver asks it who has been silent, or at one step, for too long. A process that was stopped says nothing, and one that
waits for ever says that it does. Of the driver's own machine it also sees who was stopped before it said anything.
"""

import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Self

import psutil
import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

BEAT_S, CHECK_S = 3.0, 3.0
SILENT_S = 30.0
# A step is from one rung to the next. It may take many times what the longest one so far took.
SLOWER, LEAST_STEP_S = 20.0, 900.0
# Searches that are over sooner do without: a further process would only slow their start.
AFTER_S = 20.0
# Who lives has been heard of within it.
HEARD_S = 3 * BEAT_S


class Worker(NamedTuple):
    """A worker process: a pid alone may be given anew."""

    node_id: str
    pid: int
    started_at: float


class HeartbeatMonitor:
    """The actor. Times are of its own clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._beats: dict[Worker, tuple[float, float]] = {}
        self._longest_s = 0.0

    def beat(self, worker: Worker, step_s: float) -> None:
        """It lives, and its present step has taken so long."""
        self._beats[worker] = (self._clock(), step_s)

    def stepped(self, seconds: float) -> None:
        """A step has ended that took so long."""
        self._longest_s = max(self._longest_s, seconds)

    def hung(self) -> list[Worker]:
        """Who is to be killed; told once."""
        now = self._clock()
        most_s = max(LEAST_STEP_S, SLOWER * self._longest_s)
        found = [worker for worker, (seen, step_s) in self._beats.items() if now - seen > SILENT_S or step_s > most_s]
        for worker in found:
            del self._beats[worker]
        return found

    def living(self) -> dict[str, int] | None:
        """How many workers each node has, by its id; None before all of them can have been heard of."""
        now = self._clock()
        if now - self._began <= HEARD_S:
            return None
        return dict(Counter(worker.node_id for worker, (seen, _) in self._beats.items() if now - seen <= HEARD_S))


class Heartbeat:
    """In a worker: tells the actor of that name, as soon as there is one, that the process lives."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._step_began: float | None = None
        self._monitor: Any = None
        node_id = ray.get_runtime_context().get_node_id()
        self._worker = Worker(node_id, os.getpid(), psutil.Process().create_time())
        threading.Thread(target=self._keep_beating, name="heartbeat", daemon=True).start()

    def __enter__(self) -> None:
        """A step begins."""
        self._step_began = time.monotonic()

    def __exit__(self, *_error: object) -> None:
        began, self._step_began = self._step_began, None
        if began is not None and self._monitor is not None:
            self._monitor.stepped.remote(time.monotonic() - began)

    def _keep_beating(self) -> None:
        while True:
            time.sleep(BEAT_S)
            try:
                self._monitor = self._monitor or ray.get_actor(self._name)
                began = self._step_began
                self._monitor.beat.remote(self._worker, 0.0 if began is None else time.monotonic() - began)
            except (ValueError, RayError):
                # There is none yet, or it was lost with its node and a new one is to come.
                self._monitor = None


class StoppedProcesses:
    """The descendants of this process that were stopped, as by SIGSTOP, and nobody has let go on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[Worker, float] = {}

    def look(self) -> list[Worker]:
        """Who has been found so for SILENT_S."""
        now = self._clock()
        found = []
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if process.status() == psutil.STATUS_STOPPED:
                    found.append(Worker("", process.pid, process.create_time()))
        self._since = {worker: self._since.get(worker, now) for worker in found}
        return [worker for worker, since in self._since.items() if now - since > SILENT_S]


class Watchdog(threading.Thread):
    """In the driver: has those killed that hang. A context manager.

    Workers tell the actor named `actor_name` that they live; `living` is what Pulses says, None while it is not known.
    """

    def __init__(self) -> None:
        super().__init__(name="watchdog", daemon=True)
        self.actor_name = f"nas-monitor-{secrets.token_hex(8)}"
        self.living: Mapping[str, int] | None = None
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopped.set()
        self.join(timeout=SILENT_S)

    def run(self) -> None:
        if self._stopped.wait(AFTER_S):
            return
        monitor = None
        frozen = StoppedProcesses()
        while not self._stopped.wait(CHECK_S):
            for worker in frozen.look():
                kill(worker)
            try:
                # It lives as long as its handle.
                monitor = monitor or ray.remote(HeartbeatMonitor).options(name=self.actor_name, num_cpus=0).remote()
                for worker in ray.get(monitor.hung.remote(), timeout=SILENT_S):
                    where = NodeAffinitySchedulingStrategy(worker.node_id, soft=False)
                    ray.remote(kill).options(num_cpus=0, scheduling_strategy=where, max_retries=0).remote(worker)
                self.living = ray.get(monitor.living.remote(), timeout=SILENT_S)
            except (RayError, ValueError):
                # A node was lost, the actor's perhaps, whose name is still taken. Of all of Ray the search says so.
                monitor = None


def kill(worker: Worker) -> None:
    """On the worker's machine."""
    try:
        process = psutil.Process(worker.pid)
        if process.create_time() == worker.started_at:
            process.kill()
    except psutil.NoSuchProcess:
        return
