"""`--log-format json`: a line of JSON for each event of a search, with its study and trial."""

import json
import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from nas.results.rank_correlation import RankCheck
from nas.study.search_result import SearchResult
from nas.study.study import Study
from nas.trial import Confirmation, Outcome, Trial

# Its warnings become events too, such as a database that is away or back, or a wait for a cluster's nodes.
LOGGER = logging.getLogger("nas")


class EventLog:
    """Watcher that logs a study's events, with times in seconds since 1970; a context manager.

    With `to_stderr` it writes to standard error instead of standard output.
    """

    def __init__(self, *, to_stderr: bool, clock: Callable[[], float] = time.time) -> None:
        # Bound now: during a search, standard output is redirected to standard error to catch what Ray prints.
        self._stream = sys.stderr if to_stderr else sys.stdout
        self._clock = clock
        self._study = ""
        self._warnings = _WarningHandler(self._write)

    def __enter__(self) -> "EventLog":
        LOGGER.addHandler(self._warnings)
        return self

    def __exit__(self, *_exception: object) -> None:
        LOGGER.removeHandler(self._warnings)
        self._stream.flush()

    def opened(self, study: Study, *, is_over: bool) -> None:
        self._study = study.name
        progress = {"budget": study.budget, "done": study.done, "finished": is_over}
        self._write("study opened", {"metric": study.settings.metric, **progress})

    def began(self, trial: Trial) -> None:
        self._write("trial began", {**_trial_fields(trial), "attempt": trial.attempt, "seed": trial.seed})

    def ended(self, trial: Trial) -> None:
        self._write(
            "trial ended", {**_trial_fields(trial), "state": trial.state.value, **_outcome_fields(trial.outcome)}
        )

    def confirmed(self, trial: Trial) -> None:
        last = trial.confirmations[-1]
        self._write(
            "trial confirmed",
            {**_trial_fields(trial), "seed": last.seed, **_fidelity_fields(last), **_outcome_fields(last.outcome)},
        )

    def ranks_checked(self, checks: Sequence[RankCheck]) -> None:
        for check in checks:
            self._write("proxy audited", {**vars(check), "warning": check.is_low})

    def noted(self, event: str, fields: Mapping[str, Any]) -> None:
        self._write(event, fields)

    def closed(self, result: SearchResult) -> None:
        """Write the search's last event, with its result."""
        members = [
            {"trial": member.trial.number, "accuracy": member.accuracy, "latency_ms": member.latency.median}
            for member in result.front
        ]
        self._write(
            "search ended",
            {
                "trials": result.done,
                "interrupted": result.interrupted,
                "ending": result.ending,
                "hypervolume": result.hypervolume,
                "front": members,
                "wall_s": round(result.wall_s, 3),
            },
        )

    def _write(self, event: str, fields: Mapping[str, Any]) -> None:
        line = {"time": round(self._clock(), 3), "event": event, "study": self._study, **fields}
        click.echo(json.dumps(line), file=self._stream)


class _WarningHandler(logging.Handler):
    """Logging handler that writes the program's warnings as events."""

    def __init__(self, write: Callable[[str, Mapping[str, Any]], None]) -> None:
        super().__init__(logging.WARNING)
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        self._write("warning", {"message": record.getMessage()})


def _trial_fields(trial: Trial) -> dict[str, Any]:
    return {"trial": trial.number, "architecture": trial.architecture.layout, "key": trial.architecture.key}


def _fidelity_fields(confirmation: Confirmation) -> dict[str, int]:
    return {} if confirmation.fidelity is None else vars(confirmation.fidelity).copy()


def _outcome_fields(outcome: Outcome | None) -> dict[str, Any]:
    if outcome is None:
        return {}
    failure = outcome.failure
    return {
        "accuracy": outcome.accuracy,
        "latency_ms": None if outcome.latency is None else outcome.latency.median,
        "train_s": round(outcome.train_s, 3),
        "measure_s": round(outcome.measure_s, 3),
        **({} if failure is None else {"cause": failure.cause, "message": failure.message}),
    }
