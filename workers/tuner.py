"""A search's trials by Ray Tune, on the Ray that this process has joined."""

from collections.abc import Callable, Mapping
from tempfile import TemporaryDirectory

from ray import tune

from nas.evaluation import AskTell, Evaluator
from workers.ray_environment import broken_down, environment
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
            TrialActor, evaluator=evaluator, threads=threads, neighbours=neighbours, heartbeat=heartbeat
        )
        bundle = {name: amount for name, amount in needs.items() if amount}
        pending = {"TUNE_MAX_PENDING_TRIALS_PG": str(self._pending)}
        with environment(TUNE | pending), TemporaryDirectory(prefix="nas-tune-") as scratch:
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
