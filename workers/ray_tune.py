"""The Ray Tune runner: a local Ray or a cluster, a long-lived process per slot, a study's trials until it is over."""

import logging
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import ray
import torch
from ray import tune
from ray.exceptions import RayError

from nas.errors import ParameterError, SearchInterruptedError
from nas.evaluation import AskTell, Evaluator, Resources
from workers.cluster import Cluster, own_cores
from workers.interruption import heard
from workers.pulse import Watchdog
from workers.ray_environment import connect, ray_environment, reason
from workers.scheduler import StudyScheduler
from workers.searcher import StudySearcher
from workers.trial_actor import TrialActor

TUNE = {
    # No files of results per trial, and no checkpoints of Tune's state: the database is the record.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_THRESHOLD_S": "1000000000",
    # Ctrl-C must reach us as KeyboardInterrupt; under Tune's own handler `fit` returns as if all were well.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
}
UNLIMITED = 2**31
# Workers that a cluster may be asked for at a time, before it is known which nodes are to join.
PENDING = 64


class RayTuneRunner:
    """Runs trials on a local Ray: `workers` at a time, each with its threads and its share of a GPU; or on a cluster.

    By default a local Ray has one worker per core, or on CUDA as many as the GPUs have room for; a cluster as many as
    its nodes have room for. Raises ParameterError when the GPUs asked for are not there.
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
        self.gpus_per_trial = share
        self.cpus_per_trial = resources.cpus_per_trial or 1.0
        self._custom = resources.custom
        self._asked = resources.workers
        self.workers = resources.workers or (max(1, int(gpus / share)) if share > 0 else own_cores())
        self._cluster: Cluster | None = None

    def report(self) -> Mapping[str, Any]:
        """As nas.evaluation.Runner has it; nothing before trials run."""
        if self._cluster is None:
            return {}
        if self.address is None:
            return {"workers": {socket.gethostname(): self.workers}}
        return {"workers": dict(self._cluster.seen)}

    def run(self, search: AskTell, evaluator: Evaluator) -> None:
        """Start or join Ray, run the search's jobs until it is over, stop or leave Ray.

        Raises SearchInterruptedError when Ray breaks down, ParameterError when the cluster cannot run trials,
        KeyboardInterrupt at Ctrl-C.
        """
        pending = {"TUNE_MAX_PENDING_TRIALS_PG": str(self.workers if self.address is None else PENDING)}
        own = self.address is None
        with ray_environment(TUNE | pending, own=own), TemporaryDirectory(prefix="nas-tune-") as scratch:
            # What goes wrong in a search is told by the search, in a line.
            logging.getLogger("ray").setLevel(logging.CRITICAL)
            try:
                self._start_ray()
                cluster = Cluster(self._needs, evaluator)
                if not own:
                    cluster.check()
                self._cluster = cluster
                with heard(), _watched() as heartbeat:
                    self._tuner(search, evaluator, scratch, heartbeat).fit()
            except (RayError, tune.TuneError, OSError) as error:
                raise SearchInterruptedError(
                    f"Ray broke down ({reason(error, -1)}); the same command goes on with the study"
                ) from error
            finally:
                self._cluster = None
                ray.shutdown()

    @property
    def _needs(self) -> dict[str, float]:
        """Of a trial, by Ray's names of resources."""
        return {"CPU": self.cpus_per_trial, "GPU": self.gpus_per_trial, **self._custom}

    def _live(self) -> int:
        """How many trials Tune may hold: one more than slots, so that no slot waits for a sampler."""
        if self.address is None or self._cluster is None:
            return self.workers + 1
        slots = sum(self._cluster.slots().values())
        return 1 + (slots if self._asked is None else min(slots, self._asked))

    def _start_ray(self) -> None:
        if self.address is not None:
            connect(self.address)
        else:
            ray.init(
                address="local",
                num_cpus=self.workers,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )

    def _tuner(self, search: AskTell, evaluator: Evaluator, scratch: str, heartbeat: str) -> tune.Tuner:
        searcher = StudySearcher(search, self._live)
        if self.address is None:
            # As many as torch would take here (OMP_NUM_THREADS tells it), and no more than there are cores for.
            threads = max(1, min(torch.get_num_threads(), own_cores() // self.workers))
            neighbours = self.workers
        else:
            threads, neighbours = max(1, int(self.cpus_per_trial)), None
        needs = {name: amount for name, amount in self._needs.items() if amount}
        return tune.Tuner(
            tune.with_resources(
                tune.with_parameters(
                    TrialActor, evaluator=evaluator, threads=threads, neighbours=neighbours, heartbeat=heartbeat
                ),
                tune.PlacementGroupFactory([needs]),
            ),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                scheduler=StudyScheduler(searcher),
                num_samples=UNLIMITED,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                storage_path=scratch,
                name="search",
                verbose=0,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )


@contextmanager
def _watched() -> Iterator[str]:
    """Workers that hang are replaced, for the length of the block; the name of the actor that they tell they live."""
    name = f"nas-pulses-{secrets.token_hex(8)}"
    watchdog = Watchdog(name)
    watchdog.start()
    try:
        yield name
    finally:
        watchdog.stop()
