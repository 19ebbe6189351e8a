"""The Ray Tune runner: a local Ray, one long-lived process per slot, trials from the study until it is over."""

import logging
import os
from tempfile import TemporaryDirectory

import ray
import torch
from ray import tune
from ray.exceptions import RayError

from nas.errors import ParameterError, SearchInterruptedError
from nas.evaluation import AskTell, Evaluator, Resources
from workers.ray_environment import connect, ray_environment
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


class RayTuneRunner:
    """Runs trials on a local Ray: `workers` at a time, each with its threads and its share of a GPU.

    By default one worker per core, or on CUDA as many as the GPUs have room for. Raises ParameterError when the GPUs
    asked for are not there.
    """

    def __init__(self, resources: Resources, device: str) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        gpus = torch.cuda.device_count() if device == "cuda" else 0
        share = float(gpus > 0) if resources.gpus_per_trial is None else resources.gpus_per_trial
        if share > gpus:
            raise ParameterError(
                f"--gpus-per-trial {share:g} is more than the {gpus} GPUs that a search on {device!r} can use"
            )
        self.address = resources.ray_address
        self.gpus_per_trial = share
        self.workers = resources.workers or (max(1, int(gpus / share)) if share > 0 else cores)
        self.threads = max(1, cores // self.workers)

    def run(self, search: AskTell, evaluator: Evaluator) -> None:
        """Start Ray, run the search's jobs until it is over, stop Ray.

        Raises SearchInterruptedError when Ray breaks down, KeyboardInterrupt at Ctrl-C.
        """
        pending = {"TUNE_MAX_PENDING_TRIALS_PG": str(self.workers)}
        own = self.address is None
        with ray_environment(TUNE | pending, own=own), TemporaryDirectory(prefix="nas-tune-") as scratch:
            logging.getLogger("ray").setLevel(logging.ERROR)
            try:
                self._start_ray()
                self._tuner(search, evaluator, scratch).fit()
            except (RayError, tune.TuneError, OSError) as error:
                reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
                raise SearchInterruptedError(
                    f"Ray broke down ({reason}); the same command goes on with the study"
                ) from error
            finally:
                ray.shutdown()

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

    def _tuner(self, search: AskTell, evaluator: Evaluator, scratch: str) -> tune.Tuner:
        searcher = StudySearcher(search, live=self.workers + 1)
        return tune.Tuner(
            tune.with_resources(
                tune.with_parameters(TrialActor, evaluator=evaluator, threads=self.threads),
                {"cpu": 1, "gpu": self.gpus_per_trial},
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
