"""Ray Tune's searcher for a search: asks the search for jobs, reports outcomes to it, and ignores Tune's own state."""

from collections.abc import Callable
from typing import Any

from ray.tune.search import Searcher

from nas.evaluation import AskTell, Job
from nas.trial import WORKER_LOST, Outcome, TrialState
from workers.ray.trial_actor import ERROR, OUTCOME

SENTENCES, SENTENCE_END = 2, ". "


class StudySearcher(Searcher):  # type: ignore[misc]
    """A searcher that gives Tune at most `live()` trials, a limit that changes as a cluster's nodes come and go."""

    def __init__(self, search: AskTell, live: Callable[[], int]) -> None:
        super().__init__()
        self._search = search
        self._live = live
        self._jobs: dict[str, Job] = {}
        self._reasons: dict[str, str] = {}
        self._stopped: set[str] = set()
        self._error: Exception | None = None
        self._first_job: Job | None = None
        self.has_begun = False
        """Whether Tune has asked for a trial."""

    def __getstate__(self) -> dict[str, Any]:
        """Pickle nothing: Tune writes its parts to disk, where the database's password must not be."""
        return {}

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        return True

    def prepare_first_job(self) -> None:
        """Ask for the first job before Tune does."""
        self._first_job = self._search.ask()

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        self.has_begun = True
        if self._error is not None:
            raise self._error
        if len(self._jobs) >= self._live():
            return None
        job, self._first_job = self._first_job or self._search.ask(), None
        if job is None:
            return Searcher.FINISHED if self._search.is_over else None
        self._jobs[trial_id] = job
        return {"job": job}

    def should_continue(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Whether the trial's training continues after the rung that it reports."""
        try:
            should_continue = self._search.should_continue(self._jobs[trial_id], result[OUTCOME])
        except Exception as failure:
            # Tune would take it for the trial's error.
            self._error = failure
            return False
        if not should_continue:
            self._stopped.add(trial_id)
        return should_continue

    def note_error(self, trial_id: str, error: str) -> None:
        """Note why the trial is about to be reported as erroneous: the last line of a traceback.

        For a dead worker Ray's last line goes on at length about possible causes.
        """
        lines = error.strip().splitlines()
        self._reasons[trial_id] = SENTENCE_END.join(lines[-1].split(SENTENCE_END)[:SENTENCES]) if lines else "no reason"

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        job = self._jobs.pop(trial_id)
        result = result or {}
        if ERROR in result:
            # The trial is recorded as interrupted when the search ends.
            self._error = result[ERROR]
            return
        outcome: Outcome | None = result.get(OUTCOME)
        # Tune also ends trials for reasons of its own, Ctrl-C among them, with their last report, which is a rung.
        unfinished = outcome is not None and outcome.state is TrialState.STOPPED and trial_id not in self._stopped
        self._stopped.discard(trial_id)
        reason = self._reasons.pop(trial_id, "no result")
        try:
            # The worker reports its own failures as outcomes; without an outcome its process is gone.
            if error or outcome is None or unfinished:
                self._search.interrupt(job, WORKER_LOST, reason)
            else:
                self._search.tell(job, outcome)
        except Exception as failure:
            # Tune would log it and go on; here the next suggestion raises it and ends the search.
            self._error = failure

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: the database is the only record."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing: a search continues with a new Tuner on the same study."""

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Save nothing, in particular no pickle of the study and its storage."""
