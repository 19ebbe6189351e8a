"""A search's trials by Ray Tune, on the Ray that this process has joined."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from ray import tune
from ray.tune.execution import class_cache

from nas.evaluation import AskTell, Evaluator
from workers.ray.environment import broken_down, environment
from workers.ray.scheduler import StudyScheduler
from workers.ray.searcher import StudySearcher
from workers.ray.trial_actor import TrialActor

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


class StudyTuner:
    """Keeps at most `live()` trials of a search with Tune until it is over; so many may be `pending` for workers."""

    def __init__(self, search: AskTell, live: Callable[[], int], pending: int) -> None:
        self._searcher = StudySearcher(search, live)
        self._pending = pending

    def look_ahead(self) -> None:
        """Have the search make its first proposal already."""
        self._searcher.look_ahead()

    def run(
        self, needs: Mapping[str, float], evaluator: Evaluator, threads: int, neighbours: int | None, heartbeat: str
    ) -> None:
        """`needs` are a trial's, by Ray's names of resources; the others are TrialActor's.

        Raises SearchInterruptedError when Tune breaks down.
        """
        trainable = tune.with_parameters(
            TrialActor,
            evaluator=evaluator,
            threads=threads,
            neighbours=neighbours,
            gpus=needs["GPU"],
            heartbeat=heartbeat,
        )
        bundle = {name: amount for name, amount in needs.items() if amount}
        pending = {"TUNE_MAX_PENDING_TRIALS_PG": str(self._pending)}
        with environment(TUNE | pending), plain_workers(), TemporaryDirectory(prefix="nas-tune-") as scratch:
            tuner = tune.Tuner(
                tune.with_resources(trainable, tune.PlacementGroupFactory([bundle])),
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
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                ),
            )
            try:
                tuner.fit()
            except tune.TuneError as error:
                raise broken_down(error) from error


@contextmanager
def plain_workers() -> Iterator[None]:
    """Tune's workers may be those that Ray has started beforehand, for the length of the block.

    By default they have a variable in their environment that PyTorch Lightning needs, and so a process of their own.
    """
    theirs = dict(class_cache.DEFAULT_ENV_VARS)
    class_cache.DEFAULT_ENV_VARS.clear()
    try:
        yield
    finally:
        class_cache.DEFAULT_ENV_VARS.update(theirs)
