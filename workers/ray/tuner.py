"""A search's trials in Ray Tune, on the Ray that this process has joined."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from ray import tune
from ray.tune.execution import class_cache

from nas.evaluation import AskTell, Evaluator
from workers.ray.environment import broken_down, environment
from workers.ray.scheduler import StudyScheduler
from workers.ray.searcher import StudySearcher
from workers.ray.trial_actor import TrialActor

TUNE = {
    # No result files per trial, and no checkpoints of Tune's state: the database is the record.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_THRESHOLD_S": "1000000000",
    # Ctrl-C must reach us as KeyboardInterrupt; under Tune's own handler `fit` returns as if all were well.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
}
UNLIMITED = 2**31


class StudyTuner:
    """Runs a search's trials in Tune: at most `live()` at a time, of which `pending` may wait for a worker."""

    def __init__(self, search: AskTell, live: Callable[[], int], pending: int) -> None:
        self._searcher = StudySearcher(search, live)
        self._pending = pending

    def prepare_first_job(self) -> None:
        """Let the search make its first proposal before Tune asks for it."""
        self._searcher.prepare_first_job()

    @property
    def has_begun(self) -> bool:
        """Whether Tune has asked the search for a trial: a mistake in it, which Tune calls, is none of Ray's start."""
        return self._searcher.has_begun

    def run(
        self,
        needs: Mapping[str, float],
        evaluator: Evaluator,
        threads: int,
        workers_on_machine: int | None,
        heartbeat: str,
    ) -> None:
        """Run the trials. `needs` are a trial's, by Ray's names of resources; the other parameters are TrialActor's.

        Raises SearchInterruptedError when Tune breaks down once it `has_begun`, any error before.
        """
        pending = {"TUNE_MAX_PENDING_TRIALS_PG": str(self._pending)}
        with environment(TUNE | pending), plain_workers():
            trainable = tune.with_parameters(
                TrialActor,
                evaluator=evaluator,
                threads=threads,
                workers_on_machine=workers_on_machine,
                gpus=needs["GPU"],
                heartbeat=heartbeat,
            )
            bundle = {name: amount for name, amount in needs.items() if amount}
            # At Ctrl-C a worker may still write to it while it is removed: no error, which would hide the interruption.
            with TemporaryDirectory(prefix="nas-tune-", ignore_cleanup_errors=True) as scratch:
                self._fit(tune.with_resources(trainable, tune.PlacementGroupFactory([bundle])), scratch)

    def _fit(self, trainable: Any, scratch: str) -> None:
        tuner = tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(
                search_alg=self._searcher,
                scheduler=StudyScheduler(self._searcher),
                num_samples=UNLIMITED,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                storage_path=scratch,
                name="search",
                verbose=0,
                # In a notebook Tune would take its own, which clears the cell's output.
                progress_reporter=tune.CLIReporter(),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )
        try:
            tuner.fit()
        except tune.TuneError as error:
            if self._searcher.has_begun:
                raise broken_down(error) from error
            raise


@contextmanager
def plain_workers() -> Iterator[None]:
    """Let Tune use workers that Ray has started beforehand, within the block.

    By default Tune's workers have an environment variable that PyTorch Lightning needs, and so processes of their own.
    """
    defaults = dict(class_cache.DEFAULT_ENV_VARS)
    class_cache.DEFAULT_ENV_VARS.clear()
    try:
        yield
    finally:
        class_cache.DEFAULT_ENV_VARS.update(defaults)
