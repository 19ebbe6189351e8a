"""Trials: an architecture with its state, its outcome and its confirmations."""

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nas.architecture import Architecture
from nas.objective import ACCURACY, LATENCY, PARAMETERS, Measurement, latency_on

# The cause of a failure or an interruption whose worker process died.
WORKER_LOST = "worker lost"
# The causes of interruptions that are nobody's failure.
STOPPED_BY_USER, TIME_IS_UP = "stopped by the user", "time is up"
# Attempts at an evaluation whose worker dies each time, the first one included.
MAX_ATTEMPTS = 4


class TrialState(StrEnum):
    """A trial's state. RUNNING becomes one of the others, once; all but RUNNING and INTERRUPTED count as done."""

    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"
    INFEASIBLE = "infeasible"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_done(self) -> bool:
        return self not in (TrialState.RUNNING, TrialState.INTERRUPTED)


@dataclass(frozen=True, order=True)
class Fidelity:
    """The extent of a training: `epochs` passes over `images` training images."""

    images: int
    epochs: int

    @property
    def presented(self) -> int:
        """The number of images that the training presents, each as often as it is presented."""
        return self.images * self.epochs

    def __str__(self) -> str:
        return f"{self.images} images x {self.epochs} epochs"


@dataclass(frozen=True)
class CurvePoint:
    """One epoch of a learning curve: validation accuracy (0 to 1), mean training loss and duration in seconds.

    `images` is the number of validation images that the accuracy is of: before the last epoch a part of them. None
    where it is not known: of a user's own training function, and on record from earlier versions.
    """

    epoch: int
    accuracy: float
    loss: float
    seconds: float
    images: int | None = None


@dataclass(frozen=True)
class Failure:
    """The reason why a trial has no result: a short cause, by which failures are counted, and the details."""

    cause: str
    message: str

    def __str__(self) -> str:
        return f"{self.cause}: {self.message}"

    @classmethod
    def of_error(cls, error: Exception) -> "Failure":
        """Make the failure of an evaluation that raised an unexpected error, with the line that raised it."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        return cls(type(error).__name__, f"{error} ({last.filename}:{last.lineno})")

    @classmethod
    def given_up(cls, cause: str, attempts: int, message: str) -> "Failure":
        """Make the failure of an evaluation that was given up after `attempts`, the last one with `message`."""
        return cls(cause, f"in each of {attempts} attempts, the last time: {message}")


@dataclass(frozen=True)
class Outcome:
    """The result of evaluating an architecture.

    Without an accuracy and without a failure the training was stopped early, or, where there is no curve either, the
    architecture was over the user's limit and was not trained.
    `latency` is the one on the first target, `latencies` are those on the others by their names; `costs` are further
    figures, such as `macs`. `checkpoint` holds what an evaluator needs to resume after a rung; it is not recorded.
    `weights` are those of a final training, a safetensors file with the network's preprocessing among its metadata.
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
    weights: bytes | None = field(default=None, compare=False, repr=False)

    @property
    def measured(self) -> Mapping[str, Measurement]:
        """The latencies on all targets, by objective."""
        first = {} if self.latency is None else {LATENCY.name: self.latency}
        return {**first, **{latency_on(target).name: latency for target, latency in self.latencies.items()}}

    @property
    def figures(self) -> Mapping[str, float]:
        """The known values of objectives and other costs, by name."""
        values: dict[str, float | None] = {
            ACCURACY.name: self.accuracy,
            **{name: measurement.median for name, measurement in self.measured.items()},
            PARAMETERS.name: self.parameters,
            **self.costs,
        }
        return {name: value for name, value in values.items() if value is not None}

    @property
    def state(self) -> TrialState:
        if self.failure is not None:
            return TrialState.FAILED
        if self.accuracy is not None:
            return TrialState.COMPLETE
        return TrialState.STOPPED if self.curve else TrialState.INFEASIBLE


@dataclass(frozen=True)
class Trial:
    """One evaluation of an architecture in a study. `number` is Optuna's; `attempt` counts from 1.

    `outcome` is None while the trial runs; the failure of an interrupted trial's outcome says why. `confirmations` are
    further evaluations with other seeds. `finished_at` is in seconds since 1970, None while it runs.
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
    def claims_architecture(self) -> bool:
        """Whether the architecture is not to be tried again."""
        return self.state is not TrialState.INTERRUPTED

    @property
    def lost_worker(self) -> bool:
        failure = self.outcome.failure if self.outcome is not None else None
        return self.state is TrialState.INTERRUPTED and failure is not None and failure.cause == WORKER_LOST


@dataclass(frozen=True)
class Confirmation:
    """A further evaluation of a trial's architecture with another seed; `fidelity` is that of a longer training.

    `test_accuracy` is that on the data set's test part, of a network that was judged there.
    """

    seed: int
    outcome: Outcome
    fidelity: Fidelity | None = None
    test_accuracy: float | None = None


def failed_confirmations(trials: Sequence[Trial]) -> list[Failure]:
    """Collect the failures of evaluations with further seeds."""
    outcomes = [confirmation.outcome for trial in trials for confirmation in trial.confirmations]
    return [outcome.failure for outcome in outcomes if outcome.failure is not None]
