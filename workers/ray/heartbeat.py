"""Heartbeats: a worker that hangs is detected and killed, after which Tune replaces it and its trial is tried again.

Workers report to an actor of Ray's every few seconds that they live and since when their present step runs. A thread of
the driver asks the actor which workers have been silent, or in one step, for too long: a stopped process reports
nothing, and one that waits for ever reports that it does. On the driver's own machine the thread also detects processes
that were stopped before their first report.
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
MAX_SILENCE_S = 30.0
# A step is from one rung to the next. It may take this many times the longest one so far, and at least this time.
MAX_STEP_RATIO, MIN_STEP_LIMIT_S = 20.0, 900.0
# The watchdog starts after this time: a further process would only slow the start of shorter searches.
WATCHDOG_DELAY_S = 20.0
# A living worker has reported within this time.
ALIVE_S = 3 * BEAT_S


class Worker(NamedTuple):
    """A worker process: the system may give a pid to another process later."""

    node_id: str
    pid: int
    started_at: float


class HeartbeatMonitor:
    """The actor that workers report to. Times are of its own clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._beats: dict[Worker, tuple[float, float]] = {}
        self._longest_s = 0.0

    def beat(self, worker: Worker, step_s: float) -> None:
        """Note that the worker lives, and how long its present step has taken."""
        self._beats[worker] = (self._clock(), step_s)

    def stepped(self, seconds: float) -> None:
        """Note the duration of a finished step."""
        self._longest_s = max(self._longest_s, seconds)

    def hung(self) -> list[Worker]:
        """The workers to be killed, each given once."""
        now = self._clock()
        limit_s = max(MIN_STEP_LIMIT_S, MAX_STEP_RATIO * self._longest_s)
        hung = [
            worker
            for worker, (reported_at, step_s) in self._beats.items()
            if now - reported_at > MAX_SILENCE_S or step_s > limit_s
        ]
        for worker in hung:
            del self._beats[worker]
        return hung

    def living(self) -> dict[str, int] | None:
        """The number of workers on each node, by its id; None before all of them can have reported."""
        now = self._clock()
        if now - self._began <= ALIVE_S:
            return None
        reports = ((worker.node_id, reported_at) for worker, (reported_at, _) in self._beats.items())
        return dict(Counter(node_id for node_id, reported_at in reports if now - reported_at <= ALIVE_S))


class Heartbeat:
    """A worker's reports to the actor of that name, from when the actor exists."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._step_began: float | None = None
        self._monitor: Any = None
        node_id = ray.get_runtime_context().get_node_id()
        self._worker = Worker(node_id, os.getpid(), psutil.Process().create_time())
        threading.Thread(target=self._keep_beating, name="heartbeat", daemon=True).start()

    def __enter__(self) -> None:
        """Begin a step."""
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
                # The actor does not exist yet, or was lost with its node and will be replaced.
                self._monitor = None


class StoppedProcesses:
    """The descendants of this process that were stopped, as by SIGSTOP, and not continued."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[Worker, float] = {}

    def overdue(self) -> list[Worker]:
        """Check all descendants; those that have been stopped for MAX_SILENCE_S."""
        now = self._clock()
        stopped = []
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if process.status() == psutil.STATUS_STOPPED:
                    stopped.append(Worker("", process.pid, process.create_time()))
        self._since = {worker: self._since.get(worker, now) for worker in stopped}
        return [worker for worker, since in self._since.items() if now - since > MAX_SILENCE_S]


class Watchdog(threading.Thread):
    """The driver's thread that kills hung workers. A context manager.

    Workers report to the actor named `actor_name`; `living` is the HeartbeatMonitor's, None until it is known.
    """

    def __init__(self) -> None:
        super().__init__(name="watchdog", daemon=True)
        self.actor_name = f"nas-heartbeats-{secrets.token_hex(8)}"
        self.living: Mapping[str, int] | None = None
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopped.set()
        self.join(timeout=MAX_SILENCE_S)

    def run(self) -> None:
        if self._stopped.wait(WATCHDOG_DELAY_S):
            return
        monitor = None
        stopped_processes = StoppedProcesses()
        while not self._stopped.wait(CHECK_S):
            for worker in stopped_processes.overdue():
                kill(worker)
            try:
                # The actor lives as long as its handle.
                monitor = monitor or ray.remote(HeartbeatMonitor).options(name=self.actor_name, num_cpus=0).remote()
                for worker in ray.get(monitor.hung.remote(), timeout=MAX_SILENCE_S):
                    node = NodeAffinitySchedulingStrategy(worker.node_id, soft=False)
                    ray.remote(kill).options(num_cpus=0, scheduling_strategy=node, max_retries=0).remote(worker)
                self.living = ray.get(monitor.living.remote(), timeout=MAX_SILENCE_S)
            except (RayError, ValueError):
                # A node was lost, perhaps the actor's, whose name is still taken. A loss of all of Ray ends the search
                # elsewhere (workers/ray/guard.py).
                monitor = None


def kill(worker: Worker) -> None:
    """Kill the worker's process, on its machine."""
    try:
        process = psutil.Process(worker.pid)
        if process.create_time() == worker.started_at:
            process.kill()
    except psutil.NoSuchProcess:
        return
