"""A trial: one architecture, what became of it and what was found out about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nas.architecture import Architecture
from nas.objective import ACCURACY, LATENCY, PARAMETERS, Measurement, latency_on

# The cause of a failure or an interruption whose worker process died.
WORKER_LOST = "worker lost"
# Of an evaluation whose worker dies: the first one, and three times again.
MAX_ATTEMPTS = 4


class TrialState(StrEnum):
    """RUNNING becomes one of the others, once. All but RUNNING and INTERRUPTED are on record and count as done."""

    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"
    INFEASIBLE = "infeasible"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_done(self) -> bool:
        return self not in (TrialState.RUNNING, TrialState.INTERRUPTED)


@dataclass(frozen=True)
class CurvePoint:
    """One epoch of a learning curve: validation accuracy (0 to 1), mean training loss and how long it took."""

    epoch: int
    accuracy: float
    loss: float
    seconds: float


@dataclass(frozen=True)
class Failure:
    """Why a trial has no result: a short cause to count by, and the details."""

    cause: str
    message: str

    def __str__(self) -> str:
        return f"{self.cause}: {self.message}"

    @classmethod
    def given_up(cls, cause: str, attempts: int, message: str) -> "Failure":
        """After so many attempts, of which the last one ended with that message."""
        return cls(cause, f"in each of {attempts} attempts, the last time: {message}")


@dataclass(frozen=True)
class Outcome:
    """What an evaluator found out about an architecture.

    Without an accuracy and without a failure the training was stopped early, or without a curve the architecture was
    over the user's limit and was not trained.
    `latency` is that on the first target, `latencies` those on the others by their names; `costs` are further figures,
    such as `macs`. `checkpoint` is what an evaluator needs to go on after a rung; it is not put on record.
    """

    accuracy: float | None = None
    latency: Measurement | None = None
    parameters: int | None = None
    latencies: Mapping[str, Measurement] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[CurvePoint, ...] = ()
    train_s: float = 0.0
    measure_s: float = 0.0
    environment: Mapping[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    checkpoint: bytes | None = field(default=None, compare=False, repr=False)

    @property
    def measured(self) -> Mapping[str, Measurement]:
        """The latencies on all targets, by objective."""
        first = {} if self.latency is None else {LATENCY.name: self.latency}
        return {**first, **{latency_on(target).name: taken for target, taken in self.latencies.items()}}

    @property
    def figures(self) -> Mapping[str, float]:
        """What was found of each objective, by its name."""
        found: dict[str, float | None] = {
            ACCURACY.name: self.accuracy,
            **{name: taken.median for name, taken in self.measured.items()},
            PARAMETERS.name: self.parameters,
            **self.costs,
        }
        return {name: value for name, value in found.items() if value is not None}

    @property
    def state(self) -> TrialState:
        if self.failure is not None:
            return TrialState.FAILED
        if self.accuracy is not None:
            return TrialState.COMPLETE
        return TrialState.STOPPED if self.curve else TrialState.INFEASIBLE


def fingerprints(settings: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """A study's targets by name, with the fingerprints of what is measured on them, the first target first."""
    return {settings["target"]: settings["fingerprint"], **settings.get("further_targets", {})}


@dataclass(frozen=True)
class Trial:
    """One evaluation of an architecture in a study. `number` is Optuna's; `attempt` counts from 1.

    `outcome` is None while the trial runs; when it was interrupted it holds why, as its failure. `confirmations` are
    what further evaluations with other seeds found out. `finished_at` is in seconds since 1970, None while it runs.
    """

    number: int
    architecture: Architecture
    state: TrialState
    seed: int
    attempt: int = 1
    outcome: Outcome | None = None
    confirmations: tuple["Confirmation", ...] = ()
    finished_at: float | None = None

    @property
    def holds_its_architecture(self) -> bool:
        """Whether it keeps the architecture from being tried again."""
        return self.state is not TrialState.INTERRUPTED

    @property
    def has_lost_its_worker(self) -> bool:
        failure = self.outcome.failure if self.outcome is not None else None
        return self.state is TrialState.INTERRUPTED and failure is not None and failure.cause == WORKER_LOST


@dataclass(frozen=True)
class Confirmation:
    """A trial's architecture, evaluated once more with another seed."""

    seed: int
    outcome: Outcome


def failed_confirmations(trials: Sequence[Trial]) -> list[Failure]:
    """Why trainings with further seeds came to nothing."""
    outcomes = [each.outcome for trial in trials for each in trial.confirmations]
    return [outcome.failure for outcome in outcomes if outcome.failure is not None]
