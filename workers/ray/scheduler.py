"""Ray Tune's scheduler for studies: first come, first served; the study decides which trials stop at rungs.

It is also the only part that receives a trial's error from Tune.
"""

from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler

from workers.ray.searcher import StudySearcher


class StudyScheduler(FIFOScheduler):  # type: ignore[misc]
    """A scheduler that gives the cause of a lost worker to the searcher, which Tune informs of the loss right after."""

    def __init__(self, searcher: StudySearcher) -> None:
        super().__init__()
        self._searcher = searcher

    def __getstate__(self) -> dict[str, Any]:
        """Empty, as the searcher's state is."""
        return {}

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        decision: str = self.CONTINUE if self._searcher.should_continue(trial.trial_id, result) else self.STOP
        return decision

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        error_file = Path(trial.error_file) if trial.error_file else None
        text = error_file.read_text() if error_file is not None and error_file.is_file() else ""
        self._searcher.note_error(trial.trial_id, text)
