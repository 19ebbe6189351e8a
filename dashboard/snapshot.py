"""Snapshots of studies in memory, so that many readers cost the database no more than one.

Changes are read at most once a second, and only the changed trials: 5,000 trials with their samples take seconds.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from dashboard.trials import Trials
from dashboard.view import target_of
from nas.errors import UnknownNameError
from nas.service import schemas
from nas.store.artifact import Artifact
from nas.store.store import Store, StudyRecord
from nas.study.baseline import KIND, baselines_among
from nas.study.status import Status, status_of
from nas.trial import TrialState

REFRESH_S = 1.0
# With more changed trials the whole study is read: databases limit the parameters of a query.
MAX_READ_BY_NUMBER = 500


@dataclass(frozen=True)
class Snapshot:
    """The status and the trials of a study at one moment."""

    status: Status
    trials: Trials

    @cached_property
    def summary(self) -> schemas.StudySummary:
        status, record, trials = self.status, self.status.record, self.trials
        settings = record.settings
        limits = settings.limits
        error = status.last_error
        return {
            "name": record.name,
            "owner": record.owner,
            "archived": record.archived_at is not None,
            "note": record.note,
            "created_at": record.created_at,
            "running": status.driver is not None,
            "budget": status.budget,
            "left_s": status.left_s,
            "space": settings.space,
            "dataset": settings.dataset,
            "target": settings.target,
            "objectives": trials.objectives,
            "metric": settings.metric,
            "measure": settings.metric_label,
            "max_latency_ms": limits.max_latency_ms,
            "min_accuracy": limits.min_accuracy,
            "target_training": target_of(settings),
            "trials": {state.value: record.counts.get(state, 0) for state in TrialState},
            "done": status.done,
            "trials_per_hour": status.trials_per_hour,
            "workers": dict(status.workers),
            "failures": dict(status.failures),
            "last_error": None if error is None else {"cause": error.cause, "message": error.message},
            "best_accuracy": max((member.accuracy for member in trials.front), default=None),
            "front_size": len(trials.front),
            "hypervolume": trials.hypervolume,
            "revision": trials.revision,
        }


class Snapshots:
    """The current snapshot of every study of a store."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._current: dict[int, Snapshot] = {}
        self._names: dict[str, int] = {}
        self._refresh_at = float("-inf")
        self._refreshing = threading.Lock()
        self._baseline_versions: dict[str, float] = {}
        self._baselines: list[Artifact] = []

    def all(self) -> list[Snapshot]:
        """Return the snapshots of all studies, newest first."""
        self._refresh()
        with self._lock:
            return list(self._current.values())

    def of(self, name: str) -> Snapshot:
        """Return the snapshot of a study. Raises UnknownNameError if there is no study of that name."""
        self._refresh()
        if name not in self._names:
            # The study may have been created since the last refresh.
            self.invalidate_cache()
            self._refresh()
        with self._lock:
            if name in self._names:
                return self._current[self._names[name]]
            raise UnknownNameError("study", name, self._names)

    def invalidate_cache(self) -> None:
        """Make the next reader read the database."""
        with self._refreshing:
            self._refresh_at = float("-inf")

    def _refresh(self) -> None:
        """Read changes, one reader at a time; meanwhile others get the last snapshots, if there are any."""
        must_wait = self._refresh_at == float("-inf")
        if time.monotonic() < self._refresh_at or not self._refreshing.acquire(blocking=must_wait):
            return
        try:
            if time.monotonic() < self._refresh_at:
                return
            records = self._store.studies()
            self._read_baselines()
            fresh = {record.study_id: self._next(record) for record in records}
            with self._lock:
                self._current = fresh
                self._names = {record.name: record.study_id for record in records}
            self._refresh_at = time.monotonic() + REFRESH_S
        finally:
            self._refreshing.release()

    def _next(self, record: StudyRecord) -> Snapshot:
        last = self._current.get(record.study_id)
        if last is not None and last.status.record.created_at != record.created_at:
            last = None
        trials = last.trials if last is not None else Trials.empty(record.settings, record.created_at)
        if last is None or last.status.record != record:
            trials = self._read(trials, record.study_id)
        trials = trials.with_baselines(baselines_among(self._baselines, record.settings))
        driver = self._store.driver(record.study_id)
        status = status_of(record, driver, trials.endings, self._clock())
        if last is not None and last.trials is trials and last.status == status:
            return last
        # Values that every reader needs are computed before the snapshot is published.
        snapshot = Snapshot(status, trials)
        _ = snapshot.summary, trials.front_json
        return snapshot

    def _read_baselines(self) -> None:
        """Read the baselines of all studies, if one has changed."""
        versions = self._store.artifact_versions(KIND)
        if versions != self._baseline_versions:
            self._baselines = self._store.artifacts(KIND)
            self._baseline_versions = versions

    def _read(self, trials: Trials, study_id: int) -> Trials:
        versions = self._store.versions(study_id)
        changed = trials.changed_since(versions)
        if not changed:
            return trials
        numbers = changed if trials.revision_number and len(changed) <= MAX_READ_BY_NUMBER else None
        return trials.updated(versions, self._store.trials(study_id, numbers))
