"""A study's settings: those that all of its trials share, its space, and the conditions that may change on its way."""

import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any, Self

from nas.latency.processor import processor_name
from nas.results.settings import ComparableSettings
from nas.space import SearchSpace
from nas.space.declaration import space_from_dict, space_to_dict
from nas.store.store import RECORDED, StudyRecord
from nas.study.search_options import SearchOptions

PACKAGES = ("hybrid-nas", "torch", "ray", "optuna")
GIT_LIMIT_S = 5.0


@dataclass(frozen=True)
class Conditions:
    """The conditions that trials are proposed and judged under, which need not be the same for all trials of a study.

    `commit` is that of the source tree that nas was imported from; None where it was installed. `processor` is that of
    the machine that searches; on a cluster trials' environments name those of the nodes.
    """

    sampler: str
    features: tuple[str, ...]
    start_from: tuple[str, ...]
    early_stopping: bool
    flat_below: float | None
    budget: int | None
    confirm: int
    baselines: tuple[str, ...]
    train_precision: str
    versions: Mapping[str, str]
    commit: str | None = None
    processor: str | None = None
    time_s: float | None = None

    @classmethod
    def of_search(cls, options: SearchOptions) -> Self:
        """The conditions of a search with these options, by what is installed here."""
        names = {entry.name for entry in fields(cls)} & {entry.name for entry in fields(options)}
        chosen = {name: getattr(options, name) for name in names}
        versions = {"python": python_version(), **{package: version(package) for package in PACKAGES}}
        chosen["budget"] = options.max_trials
        return cls(**chosen, versions=versions, commit=_commit(), processor=processor_name())

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        known = {entry.name for entry in fields(cls)}
        # JSON turns tuples into lists.
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in record.items() if name in known
        }
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The conditions as JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def changes_since(self, earlier: "Conditions") -> list[str]:
        """Each condition that differs from an earlier one, in words."""
        before, now = earlier._flat(), self._flat()
        return [
            f"{name} {_shown(before.get(name))}, now {_shown(now.get(name))}"
            for name in dict.fromkeys((*before, *now))
            if before.get(name) != now.get(name)
        ]

    def _flat(self) -> dict[str, Any]:
        """The conditions in words, with a version for each package."""
        plain = {name: value for name, value in asdict(self).items() if name != "versions"}
        return {name.replace("_", " "): value for name, value in plain.items()} | dict(self.versions)


@dataclass(frozen=True)
class Session:
    """The conditions of trials that began at `started_at`, in seconds since 1970, or later: up to the next session."""

    started_at: float
    conditions: Conditions

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Self:
        return cls(record["started_at"], Conditions.from_dict(record["conditions"]))

    def to_dict(self) -> dict[str, Any]:
        return {"started_at": self.started_at, "conditions": self.conditions.to_dict()}


@dataclass(frozen=True)
class StudySettings:
    """Everything that shapes a study.

    All trials have the `comparable` settings in common: a search with others is refused. The space's declaration and
    the sessions are recorded only; studies of earlier versions have neither.
    """

    comparable: ComparableSettings
    space_declaration: Mapping[str, Any] | None = None
    sessions: tuple[Session, ...] = ()

    @classmethod
    def from_record(cls, record: StudyRecord) -> Self:
        """The settings of a study on record."""
        return cls.from_dict({**record.settings, RECORDED: record.recorded})

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        recorded = settings.get(RECORDED, {})
        sessions = tuple(Session.from_dict(session) for session in recorded.get("sessions", ()))
        comparable = ComparableSettings({name: value for name, value in settings.items() if name != RECORDED})
        return cls(comparable, recorded.get("space"), sessions)

    @property
    def recorded(self) -> dict[str, Any]:
        """The settings that may differ between comparable trials, as JSON values."""
        return {"space": self.space_declaration, "sessions": [session.to_dict() for session in self.sessions]}

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return {**self.comparable, RECORDED: self.recorded}

    def space(self) -> SearchSpace | None:
        """The space in which the study was begun; None where it is not on record, or this version reads another."""
        if self.space_declaration is None:
            return None
        space = space_from_dict(self.space_declaration)
        return space if space.key == self.comparable.get("space_key") else None

    def with_session(self, space: SearchSpace, conditions: Conditions, now: float) -> "StudySettings":
        """The settings with the space, and with a session more where the conditions are not those of the last one."""
        is_same = bool(self.sessions) and self.sessions[-1].conditions == conditions
        sessions = self.sessions if is_same else (*self.sessions, Session(now, conditions))
        return replace(self, space_declaration=self.space_declaration or space_to_dict(space), sessions=sessions)

    def conditions_at(self, started_at: float) -> Conditions | None:
        """The conditions of a trial that began then; None where they are not on record."""
        earlier = [session for session in self.sessions if session.started_at <= started_at]
        return earlier[-1].conditions if earlier else None


def _shown(value: Any) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _commit() -> str | None:
    """The commit of the source tree that nas was imported from."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    command = ("git", "-C", str(root), "rev-parse", "--short=12", "HEAD")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_LIMIT_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
