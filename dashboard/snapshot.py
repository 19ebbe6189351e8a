"""A study as it was a moment ago, kept in memory: many readers cost the database no more than one.

What has changed since is read at most once a second and only in part: 5,000 trials with their samples take seconds.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from dashboard.trials import Trials
from nas.baselines.baseline import KIND, baselines_among
from nas.errors import UnknownNameError
from nas.service import schemas
from nas.store.artifact import Artifact
from nas.store.store import Store, StudyRecord
from nas.study.status import Status, status_of
from nas.trial import TrialState

REFRESH_S = 1.0
# More changed trials than this are read as a whole study is: databases limit what a query names.
MAX_NAMED = 500


@dataclass(frozen=True)
class Snapshot:
    """A study: how its search is doing, and its trials."""

    status: Status
    trials: Trials

    @cached_property
    def summary(self) -> schemas.StudySummary:
        now, record, trials = self.status, self.status.record, self.trials
        settings = record.settings
        error = now.last_error
        return {
            "name": record.name,
            "created_at": record.created_at,
            "running": now.driver is not None,
            "budget": now.budget,
            "left_s": now.left_s,
            "space": settings["space"],
            "dataset": settings["dataset"],
            "target": settings["target"],
            "objectives": trials.objectives,
            "max_latency_ms": settings.get("max_latency_ms"),
            "trials": {state.value: record.counts.get(state, 0) for state in TrialState},
            "done": now.done,
            "trials_per_hour": now.trials_per_hour,
            "workers": dict(now.workers),
            "failures": dict(now.failures),
            "last_error": None if error is None else {"cause": error.cause, "message": error.message},
            "best_accuracy": max((each.accuracy for each in trials.front), default=None),
            "front_size": len(trials.front),
            "hypervolume": trials.hypervolume,
            "revision": trials.revision,
        }


class Snapshots:
    """Of every study of a store that was asked for."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[int, Snapshot] = {}
        self._names: dict[str, int] = {}
        self._look_at = float("-inf")
        self._busy = threading.Lock()
        self._baseline_marks: dict[str, float] = {}
        self._baselines: list[Artifact] = []

    def all(self) -> list[Snapshot]:
        """The newest study first."""
        self._refresh()
        with self._lock:
            return list(self._kept.values())

    def of(self, name: str) -> Snapshot:
        """Raises UnknownNameError when there is no study of that name."""
        self._refresh()
        if name not in self._names:
            # It may have begun since the last look.
            self.forget()
            self._refresh()
        with self._lock:
            if name in self._names:
                return self._kept[self._names[name]]
            raise UnknownNameError("study", name, self._names)

    def forget(self) -> None:
        """Have the next reader read anew."""
        with self._busy:
            self._look_at = float("-inf")

    def _refresh(self) -> None:
        """By one reader at a time, while the others are given what is there already, if anything is."""
        never_read = self._look_at == float("-inf")
        if time.monotonic() < self._look_at or not self._busy.acquire(blocking=never_read):
            return
        try:
            if time.monotonic() < self._look_at:
                return
            records = self._store.studies()
            self._read_baselines()
            fresh = {record.study_id: self._next(record) for record in records}
            with self._lock:
                self._kept = fresh
                self._names = {record.name: record.study_id for record in records}
            self._look_at = time.monotonic() + REFRESH_S
        finally:
            self._busy.release()

    def _next(self, record: StudyRecord) -> Snapshot:
        last = self._kept.get(record.study_id)
        if last is not None and last.status.record.created_at != record.created_at:
            last = None
        trials = last.trials if last is not None else Trials.none(record.settings, record.created_at)
        if last is None or last.status.record != record:
            trials = self._read(trials, record.study_id)
        trials = trials.beside(baselines_among(self._baselines, record.settings))
        driver = self._store.driver(record.study_id)
        now = status_of(record, driver, trials.endings, self._clock())
        if last is not None and last.trials is trials and last.status == now:
            return last
        # What everyone asks for is worked out before it is shown: until then they are given what was there before.
        made = Snapshot(now, trials)
        _ = made.summary, trials.front_json
        return made

    def _read_baselines(self) -> None:
        """Once for all studies, and only where one has changed."""
        marks = self._store.artifact_versions(KIND)
        if marks != self._baseline_marks:
            self._baselines = self._store.artifacts(KIND)
            self._baseline_marks = marks

    def _read(self, trials: Trials, study_id: int) -> Trials:
        marks = self._store.versions(study_id)
        late = trials.late(marks)
        if not late:
            return trials
        named = late if trials.number and len(late) <= MAX_NAMED else None
        return trials.after(marks, self._store.trials(study_id, named))
