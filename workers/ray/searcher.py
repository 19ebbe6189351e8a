"""Ray Tune's door to a search: each suggestion is asked of it, each end told to it. Tune's state counts for nothing."""

from collections.abc import Callable
from typing import Any

from ray.tune.search import Searcher

from nas.evaluation import AskTell, Job
from nas.trial import WORKER_LOST, Outcome, TrialState
from workers.ray.trial_actor import OUTCOME

SENTENCES, SENTENCE_END = 2, ". "


class StudySearcher(Searcher):  # type: ignore[misc]
    """Keeps at most `live()` trials with Tune, which changes as a cluster's nodes come and go."""

    def __init__(self, search: AskTell, live: Callable[[], int]) -> None:
        super().__init__()
        self._search = search
        self._live = live
        self._jobs: dict[str, Job] = {}
        self._reasons: dict[str, str] = {}
        self._judged: set[str] = set()
        self._error: Exception | None = None
        self._ahead: Job | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Tune writes a pickle of all its parts to disk: this one is empty, and so without the database's password."""
        return {}

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        return True

    def look_ahead(self) -> None:
        """Ask for the first job before Tune does."""
        self._ahead = self._search.ask()

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        if self._error is not None:
            raise self._error
        if len(self._jobs) >= self._live():
            return None
        job, self._ahead = self._ahead or self._search.ask(), None
        if job is None:
            return Searcher.FINISHED if self._search.is_over else None
        self._jobs[trial_id] = job
        return {"job": job}

    def should_continue(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Whether the trial is trained on after the rung that it reports."""
        try:
            should_continue = self._search.should_continue(self._jobs[trial_id], result[OUTCOME])
        except Exception as failure:
            # Tune would take it for the trial's.
            self._error = failure
            return False
        if not should_continue:
            self._judged.add(trial_id)
        return should_continue

    def note_error(self, trial_id: str, error: str) -> None:
        """Why the trial is about to be reported as erroneous: a traceback, of which the last line says it.

        Of a dead worker Ray's goes on at length about what might have been the cause.
        """
        lines = error.strip().splitlines()
        self._reasons[trial_id] = SENTENCE_END.join(lines[-1].split(SENTENCE_END)[:SENTENCES]) if lines else "no reason"

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        job = self._jobs.pop(trial_id)
        outcome: Outcome | None = (result or {}).get(OUTCOME)
        # Tune also ends trials for reasons of its own, Ctrl-C among them, with what they last reported: a rung.
        unfinished = outcome is not None and outcome.state is TrialState.STOPPED and trial_id not in self._judged
        self._judged.discard(trial_id)
        reason = self._reasons.pop(trial_id, "no result")
        try:
            # The worker reports its own failures as outcomes; without one its process is gone.
            if error or outcome is None or unfinished:
                self._search.interrupt(job, WORKER_LOST, reason)
            else:
                self._search.tell(job, outcome)
        except Exception as failure:
            # Tune would log it and go on: the search ends with it at the next suggestion.
            self._error = failure

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the database is the only truth."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: a search goes on by a new Tuner on the same study."""

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Nothing to save, in particular no pickle of the study and its storage."""
