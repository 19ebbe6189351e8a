"""`--log-format json`: what a search does as a line of JSON for each event, with its study and trial."""

import json
import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from nas.results.rank_correlation import Audit
from nas.study.search import SearchResult
from nas.study.study import Study
from nas.trial import Outcome, Trial

# Whose warnings are events too: that the database is away and back, that a cluster's nodes are waited for.
LOGGER = logging.getLogger("nas")


class EventLog:
    """Watches a study. Times are in UTC. A context manager. With `to_stderr` standard output is left alone."""

    def __init__(self, *, to_stderr: bool, clock: Callable[[], float] = time.time) -> None:
        # Of now: whatever else Ray prints while a search runs goes to standard error.
        self._stream = sys.stderr if to_stderr else sys.stdout
        self._clock = clock
        self._study = ""
        self._warnings = _Warnings(self._say)

    def __enter__(self) -> "EventLog":
        LOGGER.addHandler(self._warnings)
        return self

    def __exit__(self, *_exception: object) -> None:
        LOGGER.removeHandler(self._warnings)
        self._stream.flush()

    def opened(self, study: Study, *, is_over: bool) -> None:
        self._study = study.name
        self._say("study opened", {"budget": study.budget, "done": study.done, "finished": is_over})

    def began(self, trial: Trial) -> None:
        self._say("trial began", {**_named(trial), "attempt": trial.attempt, "seed": trial.seed})

    def ended(self, trial: Trial) -> None:
        self._say("trial ended", {**_named(trial), "state": trial.state.value, **_found(trial.outcome)})

    def confirmed(self, trial: Trial) -> None:
        last = trial.confirmations[-1]
        self._say("trial confirmed", {**_named(trial), "seed": last.seed, **_found(last.outcome)})

    def ranks_checked(self, found: Sequence[Audit]) -> None:
        for each in found:
            self._say("proxy audited", {**vars(each), "warning": each.is_low})

    def noted(self, event: str, fields: Mapping[str, Any]) -> None:
        self._say(event, fields)

    def closed(self, result: SearchResult) -> None:
        """How the search ended."""
        members = [
            {"trial": each.trial.number, "accuracy": each.accuracy, "latency_ms": each.latency.median}
            for each in result.front
        ]
        self._say(
            "search ended",
            {
                "trials": result.done,
                "interrupted": result.interrupted,
                "hypervolume": result.hypervolume,
                "front": members,
                "wall_s": round(result.wall_s, 3),
            },
        )

    def _say(self, event: str, fields: Mapping[str, Any]) -> None:
        line = {"time": round(self._clock(), 3), "event": event, "study": self._study, **fields}
        click.echo(json.dumps(line), file=self._stream)


class _Warnings(logging.Handler):
    """Says as an event what the program would write to standard error."""

    def __init__(self, say: Callable[[str, Mapping[str, Any]], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = say

    def emit(self, record: logging.LogRecord) -> None:
        self._tell("warning", {"message": record.getMessage()})


def _named(trial: Trial) -> dict[str, Any]:
    return {"trial": trial.number, "architecture": trial.architecture.word, "key": trial.architecture.key}


def _found(outcome: Outcome | None) -> dict[str, Any]:
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
