"""A study as it was a moment ago, kept in memory: many readers cost the database no more than one.

What has changed since is read at most once a second and only in part: 5,000 trials with their samples take seconds.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from dashboard.view import history, shown_trial
from nas.errors import UnknownNameError
from nas.front import Result, fallen, front, front_as_json, front_hypervolume, results
from nas.objective import recorded_objectives
from nas.pareto import knee
from nas.service import shapes
from nas.status import Status, status
from nas.store.store import Store
from nas.trial import Trial, TrialState

REFRESH_S = 1.0
# More changed trials than this are read as a whole study is: databases limit what a query names.
MOST_NAMED = 500
# A revision of another process is none of ours.
PROCESS = secrets.token_hex(4)


@dataclass(frozen=True)
class Snapshot:
    """A study with what follows of its trials. `changed` says of each trial at which revision it changed last."""

    status: Status
    trials: Mapping[int, Trial]
    marks: Mapping[int, tuple[str, int]]
    changed: Mapping[int, int]
    number: int

    @property
    def revision(self) -> str:
        return f"{PROCESS}-{self.number}"

    @cached_property
    def results(self) -> list[Result]:
        return results(list(self.trials.values()), self.status.record.settings)

    @cached_property
    def front(self) -> list[Result]:
        return front(self.results)

    @cached_property
    def shown(self) -> dict[int, shapes.Trial]:
        by_number = {each.trial.number: each for each in self.results}
        return {number: shown_trial(trial, by_number.get(number)) for number, trial in self.trials.items()}

    @cached_property
    def hypervolume(self) -> float:
        return front_hypervolume(self.results, self.status.record.settings)

    @cached_property
    def summary(self) -> shapes.StudySummary:
        now, record = self.status, self.status.record
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
            "objectives": [each.name for each in recorded_objectives(settings)],
            "max_latency_ms": settings.get("max_latency_ms"),
            "trials": {state.value: record.counts.get(state, 0) for state in TrialState},
            "done": now.done,
            "trials_per_hour": now.trials_per_hour,
            "workers": dict(now.workers),
            "failures": dict(now.failures),
            "last_error": None if error is None else {"cause": error.cause, "message": error.message},
            "best_accuracy": max((each.accuracy for each in self.results), default=None),
            "front_size": len(self.front),
            "hypervolume": self.hypervolume,
            "revision": self.revision,
        }

    @cached_property
    def front_json(self) -> bytes:
        members = self.front
        answer: shapes.Front = {
            "revision": self.revision,
            "objectives": [each.name for each in recorded_objectives(self.status.record.settings)],
            "members": front_as_json(members),
            "fallen": [each.trial.number for each in fallen(self.results)],
            "hypervolume": self.hypervolume,
            "knee": members[knee([each.losses for each in members])].trial.number if members else None,
        }
        return encoded(answer)

    @cached_property
    def history_json(self) -> bytes:
        record = self.status.record
        answer: shapes.History = {
            "revision": self.revision,
            "moments": history(self.results, record.created_at, record.settings),
        }
        return encoded(answer)

    @cached_property
    def all_json(self) -> bytes:
        answer: shapes.Trials = {"revision": self.revision, "complete": True, "trials": list(self.shown.values())}
        return encoded(answer)

    def trials_json(self, after: str | None) -> bytes:
        """The trials that changed after that revision; all of them when it is of another process, or none is named."""
        process, _, number = (after or "").partition("-")
        if process != PROCESS or not number.isdecimal():
            return self.all_json
        late = [self.shown[each] for each, changed in self.changed.items() if changed > int(number)]
        answer: shapes.Trials = {"revision": self.revision, "complete": False, "trials": late}
        return encoded(answer)


def encoded(answer: object) -> bytes:
    return json.dumps(answer, allow_nan=False, separators=(",", ":")).encode()


class Snapshots:
    """Of every study of a store that was asked for."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[int, Snapshot] = {}
        self._names: dict[str, int] = {}
        self._read_at = float("-inf")
        self._busy = threading.Lock()

    def all(self) -> list[Snapshot]:
        """The newest study first."""
        self._refresh()
        with self._lock:
            return list(self._kept.values())

    def of(self, name: str) -> Snapshot:
        """Raises UnknownNameError when there is no study of that name."""
        self._refresh()
        with self._lock:
            if name in self._names:
                return self._kept[self._names[name]]
            raise UnknownNameError("study", name, self._names)

    def forget(self) -> None:
        """Have the next reader read anew."""
        with self._busy:
            self._read_at = float("-inf")

    def _refresh(self) -> None:
        """By one reader at a time, while the others are given what is there already, if anything is."""
        never_read = self._read_at == float("-inf")
        if time.monotonic() - self._read_at < REFRESH_S or not self._busy.acquire(blocking=never_read):
            return
        try:
            if time.monotonic() - self._read_at < REFRESH_S:
                return
            records = self._store.studies()
            fresh = {record.study_id: self._next(status(self._store, record, self._clock())) for record in records}
            with self._lock:
                self._kept = fresh
                self._names = {record.name: record.study_id for record in records}
            self._read_at = time.monotonic()
        finally:
            self._busy.release()

    def _next(self, now: Status) -> Snapshot:
        study_id = now.record.study_id
        last = self._kept.get(study_id)
        if last is not None and last.status.record.created_at != now.record.created_at:
            last = None
        marks = self._store.marks(study_id)
        old = last.marks if last is not None else {}
        late = [number for number, mark in marks.items() if old.get(number) != mark]
        if last is not None and not late:
            if last.status == now:
                return last
            # The figures of trials stand, and with them what is worked out already.
            kept = Snapshot(now, last.trials, last.marks, last.changed, last.number)
            vars(kept).update({name: vars(last)[name] for name in CARRIED & vars(last).keys()})
            return kept
        read = self._store.trials(study_id, late if last is not None and len(late) <= MOST_NAMED else None)
        number = last.number + 1 if last is not None else 1
        trials = {**(last.trials if last is not None else {}), **{trial.number: trial for trial in read}}
        changed = {**(last.changed if last is not None else {}), **dict.fromkeys(late, number)}
        return Snapshot(now, dict(sorted(trials.items())), marks, changed, number)


# Of a snapshot, what follows from its trials alone.
CARRIED = {"results", "front", "shown", "hypervolume", "front_json", "history_json", "all_json"}
