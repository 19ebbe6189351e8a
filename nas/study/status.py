"""The state of recorded searches: their drivers, speed and failures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nas.store.store import Ending, Store, StudyRecord
from nas.study.driver_lock import is_alive
from nas.trial import STOPPED_BY_USER, TIME_IS_UP, Failure, TrialState

HOUR_S = 3600.0


@dataclass(frozen=True)
class Status:
    """The state of one study. `driver` is the process that drives it, None where none is alive; `workers` is the number
    of trials at a time on each of its nodes. `failures` counts failed and interrupted trials by cause, but for those
    that a user or the time stopped; `last_error` is the latest failure, and `now` the time of reading.
    """

    record: StudyRecord
    driver: Mapping[str, Any] | None
    running: int
    trials_per_hour: float
    failures: Mapping[str, int]
    last_error: Failure | None
    now: float = 0.0

    @property
    def workers(self) -> Mapping[str, int]:
        workers: Mapping[str, int] = (self.driver or {}).get("workers", {})
        return workers

    @property
    def budget(self) -> int | None:
        """The budget of the running search in trials; None where none runs."""
        budget: int | None = (self.driver or {}).get("budget")
        return budget

    @property
    def left_s(self) -> float | None:
        """The remaining time of the running search in seconds: of its time limit, else at its present pace without
        confirmations.
        """
        if (ends_at := (self.driver or {}).get("ends_at")) is not None:
            return max(0.0, float(ends_at) - self.now)
        if self.budget is None or not self.trials_per_hour:
            return None
        return max(0, self.budget - self.done) / self.trials_per_hour * HOUR_S

    @property
    def done(self) -> int:
        return sum(count for state, count in self.record.counts.items() if state.is_done)

    def as_json(self) -> dict[str, Any]:
        """Convert to JSON values; other programs rely on the keys."""
        ladder = self.record.settings.ladder
        return {
            "study": self.record.name,
            "running": self.driver is not None,
            "driver": None if self.driver is None else {key: self.driver[key] for key in ("host", "pid")},
            "workers": dict(self.workers),
            "budget": self.budget,
            "left_s": self.left_s,
            "trials": {state.value: self.record.counts.get(state, 0) for state in TrialState},
            "target_training": None if ladder is None else vars(ladder.target).copy(),
            "longer_trainings": 0 if ladder is None else self.record.confirmations,
            "trials_per_hour": self.trials_per_hour,
            "failures": dict(self.failures),
            "last_error": None if self.last_error is None else vars(self.last_error),
        }


def status(store: Store, record: StudyRecord, now: float) -> Status:
    """Read a study's state at `now`, in seconds since 1970."""
    return status_of(record, store.driver(record.study_id), store.endings(record.study_id), now)


def status_of(record: StudyRecord, driver: Mapping[str, Any] | None, endings: Sequence[Ending], now: float) -> Status:
    """Make a study's state from its recorded driver and its trials' ends, the last one last.

    Trials per hour are counted over the last hour, or since the study or the running search began if that is less.
    """
    living = driver if driver is not None and is_alive(driver, now) else None
    began = record.created_at if living is None else max(record.created_at, living["started_at"])
    since = max(began, now - HOUR_S)
    recent = sum(at >= since and state.is_done for state, at, _ in endings)
    intended = (STOPPED_BY_USER, TIME_IS_UP)
    failed = [failure for _, _, failure in endings if failure is not None and failure.cause not in intended]
    hours = max(now - since, 1.0) / HOUR_S
    return Status(
        record=record,
        driver=living,
        running=record.counts.get(TrialState.RUNNING, 0),
        trials_per_hour=recent / hours,
        failures=Counter(failure.cause for failure in failed),
        last_error=failed[-1] if failed else None,
        now=now,
    )
