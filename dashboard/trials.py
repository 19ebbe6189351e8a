"""A study's trials at one moment, with what follows of them alone: worked out when first asked for, then kept."""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from dashboard.view import history, shown_trial
from nas.baselines.baseline import Baseline, compared
from nas.baselines.baseline import as_json as baseline_as_json
from nas.errors import UnknownNameError
from nas.objective import recorded_objectives
from nas.results.front import Result, as_json, dropped_from_front, front, front_hypervolume, results
from nas.results.pareto import knee
from nas.service import schemas
from nas.store.store import Ending
from nas.trial import Trial

# A revision of another process is none of ours.
PROCESS = secrets.token_hex(4)


@dataclass(frozen=True)
class Trials:
    """Of one study, with its settings and when it began. `marks` are the store's, by which a later look finds what has
    changed; `rows` are the trials as the service answers them, encoded; `changed` says of each at which revision it
    changed last. `baselines` are the known networks on record for the study.
    """

    settings: Mapping[str, Any]
    begun_at: float
    by_number: Mapping[int, Trial]
    marks: Mapping[int, tuple[str, int]]
    rows: Mapping[int, bytes]
    changed: Mapping[int, int]
    number: int
    baselines: tuple[Baseline, ...] = ()

    @classmethod
    def none(cls, settings: Mapping[str, Any], begun_at: float) -> "Trials":
        """Before anything was read."""
        return cls(settings, begun_at, {}, {}, {}, {}, 0)

    def late(self, marks: Mapping[int, tuple[str, int]]) -> list[int]:
        """The numbers of what has changed since, by the store's marks now."""
        return [number for number, mark in marks.items() if self.marks.get(number) != mark]

    def after(self, marks: Mapping[int, tuple[str, int]], read: Iterable[Trial]) -> "Trials":
        """The next revision: `read` are the trials that have changed."""
        new = {trial.number: trial for trial in read}
        rows = {number: encoded(shown_trial(trial, self.settings)) for number, trial in new.items()}
        return Trials(
            self.settings,
            self.begun_at,
            dict(sorted({**self.by_number, **new}.items())),
            marks,
            {**self.rows, **rows},
            {**self.changed, **dict.fromkeys(new, self.number + 1)},
            self.number + 1,
            self.baselines,
        )

    def beside(self, baselines: Iterable[Baseline]) -> "Trials":
        """The next revision, where the baselines have changed."""
        found = tuple(baselines)
        return self if found == self.baselines else replace(self, baselines=found, number=self.number + 1)

    def one(self, number: int) -> Trial:
        """Raises UnknownNameError when the study has no such trial."""
        if number not in self.by_number:
            raise UnknownNameError("trial", str(number), (f"0 to {max(self.by_number, default=0)}",))
        return self.by_number[number]

    @property
    def revision(self) -> str:
        return f"{self._incarnation}-{self.number}"

    @property
    def _incarnation(self) -> str:
        """A study that was removed and begun again under its name has revisions of its own."""
        return f"{PROCESS}.{self.begun_at:.6f}"

    @cached_property
    def endings(self) -> list[Ending]:
        """As `Store.endings` has them."""
        ended = (
            (trial.state, trial.finished_at, trial.outcome.failure if trial.outcome is not None else None)
            for trial in self.by_number.values()
        )
        return sorted(((state, at, why) for state, at, why in ended if at is not None), key=lambda ending: ending[1])

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
        return [each.name for each in recorded_objectives(self.settings)]

    @cached_property
    def front_json(self) -> bytes:
        return self._front(self.results, self.front, self.hypervolume)

    def front_within(self, limit_ms: float) -> bytes:
        """The front of what is not slower."""
        within = [each for each in self.results if each.latency.median <= limit_ms]
        return self._front(within, front(within), front_hypervolume(within, self.settings))

    def _front(self, candidates: Sequence[Result], members: Sequence[Result], dominated: float) -> bytes:
        comparisons, conclusion = compared(self.baselines, [each.losses for each in members], self.settings)
        by_name = {each.name: each for each in comparisons}
        answer: schemas.Front = {
            "revision": self.revision,
            "objectives": self.objectives,
            "members": [as_json(each, members) for each in members],
            "fallen": [each.trial.number for each in dropped_from_front(candidates)],
            "hypervolume": dominated,
            "knee": members[knee([each.losses for each in members])].trial.number if members else None,
            "baselines": [baseline_as_json(each, by_name.get(each.name)) for each in self.baselines],
            "conclusion": conclusion,
        }
        return encoded(answer)

    @cached_property
    def history_json(self) -> bytes:
        moments = history(self.results, self.begun_at, self.settings)
        answer: schemas.History = {"revision": self.revision, "moments": moments}
        return encoded(answer)

    def json(self, after: str | None) -> bytes:
        """The trials that changed after that revision; all when it is of another process or study, or none is named."""
        incarnation, _, number = (after or "").partition("-")
        if incarnation != self._incarnation or not number.isdecimal():
            return self._listed(complete=True, numbers=self.by_number)
        return self._listed(False, (each for each, changed in self.changed.items() if changed > int(number)))

    def _listed(self, complete: bool, numbers: Iterable[int]) -> bytes:
        answer: schemas.Trials = {"revision": self.revision, "complete": complete, "trials": []}
        # Rows are encoded already: they take the place of the empty list's end.
        return encoded(answer).removesuffix(b"]}") + b",".join(self.rows[number] for number in numbers) + b"]}"


def encoded(answer: Any) -> bytes:
    return json.dumps(answer, allow_nan=False, separators=(",", ":")).encode()
