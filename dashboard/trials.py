"""The trials of a study at one moment, and the values derived from them, computed on first use."""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from dashboard.view import history, target_of, trial_row
from nas.errors import UnknownNameError
from nas.results.front import Result, as_json, dropped_from_front, front, results
from nas.results.limits import Limits
from nas.results.pareto import knee
from nas.results.region import front_hypervolume, within
from nas.results.rung_report import conclusion, study_reports
from nas.results.settings import ComparableSettings
from nas.results.trade_off import trade_off
from nas.service import schemas
from nas.store.store import Ending
from nas.study.baseline import Baseline, compared, trained_alike
from nas.study.baseline import as_json as baseline_as_json
from nas.trial import Trial

# Part of every revision, so that revisions of another process are recognised.
PROCESS = secrets.token_hex(4)


@dataclass(frozen=True)
class Trials:
    """The trials of one study, with its settings and its creation time. By trial number, `versions` are the store's,
    which show what has changed since; `rows` are the trials as the service returns them, encoded; `changed_in`
    is the revision in which a trial last changed. `baselines` are the known networks recorded for the study.
    """

    settings: ComparableSettings
    created_at: float
    by_number: Mapping[int, Trial]
    versions: Mapping[int, tuple[str, int]]
    rows: Mapping[int, bytes]
    changed_in: Mapping[int, int]
    revision_number: int
    baselines: tuple[Baseline, ...] = ()

    @classmethod
    def empty(cls, settings: ComparableSettings, created_at: float) -> "Trials":
        """Return a study of which nothing has been read yet."""
        return cls(settings, created_at, {}, {}, {}, {}, 0)

    def changed_since(self, versions: Mapping[int, tuple[str, int]]) -> list[int]:
        """Return the numbers of the trials whose version in the store differs by now."""
        return [number for number, version in versions.items() if self.versions.get(number) != version]

    def updated(self, versions: Mapping[int, tuple[str, int]], changed: Iterable[Trial]) -> "Trials":
        """Return the next revision, with the trials that have changed."""
        new = {trial.number: trial for trial in changed}
        rows = {number: encoded(trial_row(trial, self.settings)) for number, trial in new.items()}
        return Trials(
            self.settings,
            self.created_at,
            dict(sorted({**self.by_number, **new}.items())),
            versions,
            {**self.rows, **rows},
            {**self.changed_in, **dict.fromkeys(new, self.revision_number + 1)},
            self.revision_number + 1,
            self.baselines,
        )

    def with_baselines(self, baselines: Iterable[Baseline]) -> "Trials":
        """Return the next revision if the baselines have changed, and this one if not."""
        current = tuple(baselines)
        return (
            self
            if current == self.baselines
            else replace(self, baselines=current, revision_number=self.revision_number + 1)
        )

    def trial(self, number: int) -> Trial:
        """Return a trial. Raises UnknownNameError if the study has no such trial."""
        if number not in self.by_number:
            raise UnknownNameError("trial", str(number), (f"0 to {max(self.by_number, default=0)}",))
        return self.by_number[number]

    @property
    def revision(self) -> str:
        """A name of this state, by which a client asks for later changes."""
        return f"{self._incarnation}-{self.revision_number}"

    @property
    def _incarnation(self) -> str:
        """The part of a revision that differs for a study that was removed and created again under its name."""
        return f"{PROCESS}.{self.created_at:.6f}"

    @cached_property
    def endings(self) -> list[Ending]:
        """State, time and failure of the finished trials, in order of time, as `Store.endings` returns them."""
        finished = [
            (trial.state, trial.finished_at, trial.outcome.failure if trial.outcome is not None else None)
            for trial in self.by_number.values()
            if trial.finished_at is not None
        ]
        return sorted(finished, key=lambda ending: ending[1])

    @cached_property
    def results(self) -> list[Result]:
        return results(list(self.by_number.values()), self.settings)

    @cached_property
    def front(self) -> list[Result]:
        return front(self.results)

    @cached_property
    def hypervolume(self) -> float:
        return front_hypervolume(self.results, self.settings)

    @property
    def objectives(self) -> list[str]:
        return [objective.name for objective in self.settings.objectives]

    @cached_property
    def fidelity_json(self) -> bytes:
        """The worth of short trainings, encoded."""
        reports = study_reports(list(self.by_number.values()), self.settings)
        rungs = [report.as_json() for report in reports]
        return encoded({"revision": self.revision, "conclusion": conclusion(reports), "rungs": rungs})

    @cached_property
    def front_json(self) -> bytes:
        return self._encode_front(self.results, self.front, self.hypervolume)

    def front_within(self, limits: Limits) -> bytes:
        """Return the front of the trials within these limits, and its hypervolume up to them."""
        candidates = within(self.results, limits)
        volume = front_hypervolume(candidates, self.settings.narrowed(limits))
        return self._encode_front(candidates, front(candidates), volume)

    def _encode_front(self, candidates: Sequence[Result], members: Sequence[Result], volume: float) -> bytes:
        losses = [member.losses for member in members]
        baselines = trained_alike(self.baselines, members, self.settings)
        comparisons, lines = compared(baselines, losses, self.settings)
        by_name = {comparison.name: comparison for comparison in comparisons}
        response: schemas.Front = {
            "revision": self.revision,
            "objectives": self.objectives,
            "metric": self.settings.metric,
            "measure": self.settings.metric_label,
            "members": [as_json(member, members) for member in members],
            "fallen": [result.trial.number for result in dropped_from_front(candidates)],
            "hypervolume": volume,
            "knee": members[knee(losses)].trial.number if members else None,
            "baselines": [baseline_as_json(baseline, by_name.get(baseline.name)) for baseline in baselines],
            "conclusion": [*trade_off(members), *lines],
            "target_training": target_of(self.settings),
        }
        return encoded(response)

    @cached_property
    def history_json(self) -> bytes:
        moments = history(self.results, self.created_at, self.settings)
        response: schemas.History = {"revision": self.revision, "moments": moments}
        return encoded(response)

    def json(self, after: str | None) -> bytes:
        """Encode the trials that changed after a revision; all trials if it is missing or not of this study."""
        incarnation, _, last = (after or "").partition("-")
        if incarnation != self._incarnation or not last.isdecimal():
            return self._encode_trials(self.by_number, is_complete=True)
        numbers = (number for number, revision in self.changed_in.items() if revision > int(last))
        return self._encode_trials(numbers, is_complete=False)

    def _encode_trials(self, numbers: Iterable[int], is_complete: bool) -> bytes:
        response: schemas.Trials = {"revision": self.revision, "complete": is_complete, "trials": []}
        # Rows are encoded already: they go in before the end of the empty list.
        return encoded(response).removesuffix(b"]}") + b",".join(self.rows[number] for number in numbers) + b"]}"


def encoded(value: Any) -> bytes:
    """Encode a value as compact JSON."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
