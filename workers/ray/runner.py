"""The Ray Tune runner: runs a study's trials on a local Ray or a cluster, with a long-lived process per slot."""

import logging
import socket
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, nullcontext, redirect_stdout
from typing import Any, Self

import ray
import torch
from ray.exceptions import RayError

from nas.errors import ParameterError
from nas.evaluation import AskTell, Evaluator, Resources
from nas.latency.machine import available_bytes, available_cores
from nas.trial_cost import Slots, TrialMemory, size
from workers.memory import SHARE
from workers.ray.cluster import Cluster
from workers.ray.environment import broken_down, check_address, check_workers, connect, ray_environment
from workers.ray.guard import RayGuard, none_left
from workers.ray.heartbeat import Watchdog
from workers.ray.interruption import handle_signals, ignore_signals
from workers.ray.start import start_ray, starting

# Workers that may be requested from a cluster at a time, before its nodes are known.
MAX_PENDING = 64
# The memory of a worker's libraries and of a small network's training.
WORKER_BYTES = 2**30
# The memory of the libraries alone.
LIBRARIES_BYTES = 2**29
STOPPING = "stopping, which takes some seconds; finished trials are recorded"
OWN = {
    # Workers start with Ray, in the background, rather than with the first trials.
    "RAY_enable_worker_prestart": "1",
    "RAY_prestart_worker_first_driver": "0",
    # Nothing restarts a killed head process; by default Ray would wait a minute for it.
    "RAY_gcs_rpc_server_reconnect_timeout_s": "30",
}


class RayTuneRunner:
    """Runs trials on a local Ray, `workers` at a time, each with its threads and its share of a GPU; or on a cluster.

    By default a local Ray has one worker per core, or on CUDA as many as the GPUs have room for; a cluster as many as
    its nodes have room for. A context manager, which stops what it has started. Raises ParameterError when the
    requested GPUs, or the memory, are missing.
    """

    def __init__(self, resources: Resources, device: str) -> None:
        self.address = resources.ray_address
        gpus = torch.cuda.device_count() if device == "cuda" else 0
        share = float(device == "cuda") if resources.gpus_per_trial is None else resources.gpus_per_trial
        if self.address is None:
            for option, value in (("cpus-per-trial", resources.cpus_per_trial), ("resource", resources.custom)):
                if value:
                    raise ParameterError(f"--{option} is for a Ray cluster; name one by --ray-address")
            if share > gpus:
                raise ParameterError(
                    f"--gpus-per-trial {share:g} is more than the {gpus} GPUs that a search on {device!r} can use"
                )
            max_workers = max(available_cores(), available_bytes() // WORKER_BYTES)
            if resources.workers is not None and resources.workers > max_workers:
                raise ParameterError(
                    f"--workers {resources.workers} is more than this machine's memory has room for: {max_workers}"
                )
        else:
            check_address(self.address)
        self.gpus_per_trial = share
        self.cpus_per_trial = resources.cpus_per_trial or 1.0
        self._custom = resources.custom
        self._requested = resources.workers
        self.workers = resources.workers or (_slots_on(gpus, share) if share > 0 else available_cores())
        self._cluster: Cluster | None = None
        self._watchdog: Watchdog | None = None
        self._started: Future[Cluster] | None = None
        self._guard: RayGuard | None = None
        self._leaving = threading.Event()

    def fit(self, memory: TrialMemory | None) -> Slots:
        """Reduce the number of workers to what the machine's memory has room for, unless the user chose it.

        On GPUs, and on a cluster, trials take memory that is not this machine's.
        """
        problem = None
        if memory is not None and self.address is None and self.gpus_per_trial == 0:
            free = SHARE * available_bytes()
            if LIBRARIES_BYTES + memory.least > free:
                raise ParameterError(
                    f"a trial of the smallest network takes {size(memory.least)} beside {size(LIBRARIES_BYTES)} for "
                    f"libraries, and {size(int(free))} are free: a smaller --input-size or --train-size takes less"
                )
            max_workers = max(1, int(free / (LIBRARIES_BYTES + memory.most)))
            if self._requested is None:
                self.workers = min(self.workers, max_workers)
            if self.workers > max_workers or LIBRARIES_BYTES + memory.most > free:
                share = max(0, int(free / self.workers) - LIBRARIES_BYTES)
                problem = (
                    f"the largest network takes {size(memory.most)} to train and a worker of {self.workers} has "
                    f"{size(share)}: what does not fit is trained in micro-batches, with the same result"
                )
        return Slots(self.workers, self._threads(self.workers), problem)

    def report(self) -> Mapping[str, Any]:
        """The number of workers by node; empty before trials run."""
        if self._cluster is None:
            return {}
        if self.address is None:
            return {"workers": {socket.gethostname(): self.workers}}
        living = None if self._watchdog is None else self._watchdog.living
        # The slots stand for the workers until these are known.
        return {"workers": dict(self._cluster.seen if living is None else self._cluster.named(living))}

    def __enter__(self) -> Self:
        own = self.address is None
        with ExitStack() as stack:
            stack.enter_context(ray_environment(OWN if own else {}, own=own))
            # Ray's processes are killed when the thread that started them ends, which must not be before the shutdown.
            self._starter = stack.enter_context(ThreadPoolExecutor(1, "start of Ray"))
            stack.callback(ray.shutdown)
            self._exit_stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cluster = self._watchdog = None
        self._leaving.set()
        own = self.address is None
        # A second Ctrl-C would leave processes behind.
        with ignore_signals() if own else nullcontext():
            if own and self._started is not None:
                # A Ray that is being started cannot be shut down yet.
                wait([self._started])
            with none_left():
                self._exit_stack.close()
            if self._guard is not None:
                self._guard.stop()

    def run(self, search: AskTell, evaluator: Evaluator, workers: int | None = None) -> None:
        """Start or join Ray if that was not done yet, and run the search's jobs until it is over.

        Raises SearchInterruptedError when Ray breaks down, ParameterError when the cluster cannot run trials,
        KeyboardInterrupt at Ctrl-C.
        """
        own = self.address is None
        # The search itself reports errors, in a line each.
        logging.getLogger("ray").setLevel(logging.CRITICAL)
        try:
            # Ray reports a dead worker on standard output, which may hold JSON.
            with handle_signals(STOPPING) as install_handlers, redirect_stdout(sys.stderr):
                self._started = started = self._starter.submit(self._start_ray, evaluator)
                # Importing Tune, and making the first proposal, take about as long as Ray's start.
                with starting():
                    from workers.ray.tuner import StudyTuner

                tuner = StudyTuner(search, self._max_live_trials, self.workers if own else MAX_PENDING)
                if own:
                    tuner.prepare_first_job()
                self._cluster = started.result()
                install_handlers()
                count = workers or self.workers
                with starting(lambda: tuner.has_begun):
                    self._guard = RayGuard()
                    with self._guard.watching(), Watchdog() as self._watchdog:
                        heartbeat = self._watchdog.actor_name
                        tuner.run(self._needs, evaluator, self._threads(count), count if own else None, heartbeat)
        except (RayError, OSError) as error:
            raise broken_down(error) from error

    @property
    def _needs(self) -> dict[str, float]:
        """A trial's resources, by Ray's names."""
        return {"CPU": self.cpus_per_trial, "GPU": self.gpus_per_trial, **self._custom}

    def _threads(self, workers: int) -> int:
        """A trial's number of threads; on a local Ray torch's default (see OMP_NUM_THREADS), limited by the cores."""
        if self.address is None:
            return max(1, min(torch.get_num_threads(), available_cores() // workers))
        return max(1, int(self.cpus_per_trial))

    def _max_live_trials(self) -> int:
        """The number of trials that Tune may hold: one more than slots, so that no slot waits for a sampler.

        A cluster may have room for that one too: there it is no more than the user chose.

        A single worker waits, so that proposals do not depend on whether a trial was cut off and tried again.
        """
        if self.address is None or self._cluster is None:
            return self.workers + (self.workers > 1)
        limit = 1 + sum(self._cluster.slots().values())
        return limit if self._requested is None else min(limit, self._requested)

    def _start_ray(self, evaluator: Evaluator) -> Cluster:
        cluster = Cluster(self._needs, evaluator)
        if self.address is not None:
            connect(self.address)
            cluster.check(self._leaving)
        elif ray.is_initialized():
            check_workers()
        else:
            start_ray(self.workers)
        return cluster


def _slots_on(gpus: float, share: float) -> int:
    """The number of trials that `gpus` have room for at `share` GPUs each; a fraction is never split between GPUs."""
    return max(1, int(gpus / share) if share >= 1 else int(gpus) * int(1 / share))
