"""What a search asks of the parts that the core reaches by name: evaluators, runners and whoever watches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from nas.architecture import Architecture
from nas.latency.meter import LatencyRecord
from nas.objective import Measurement
from nas.results.rank_correlation import RankCheck
from nas.space import SearchSpace
from nas.store.artifact import Artifact
from nas.trial import Outcome, Trial
from nas.trial_cost import TrialCosts


@dataclass(frozen=True)
class EvaluationOptions:
    """What the user asked of the evaluation of an architecture; None is the data set's or the machine's default.

    The first of `targets` is the one that `latency` means; the machine's own where none is named. `train_precision` is
    auto (whichever trains an architecture fastest), fp32 or bf16. `batch_size` and `learning_rate` None are decided by
    the recipe policy; `training_recipe` is a recorded recipe (nas.export.training.TrainingRecipe) that is to be
    followed as it is. `supernet_epochs` and `inherit` are of the evaluator
    `supernet`: how long it is trained, and whether finalists start from its weights. `features` names what is found out
    of each architecture without training it.
    """

    dataset: str = "digits"
    data_dir: Path | None = None
    download: bool = False
    epochs: int | None = None
    train_size: int | None = None
    input_size_px: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    training_recipe: Mapping[str, Any] | None = None
    train_precision: str = "auto"
    targets: tuple[str, ...] = ()
    objectives: tuple[str, ...] = ("accuracy", "latency")
    features: tuple[str, ...] = ()
    ray_address: str | None = None
    device: str | None = None
    latency_precision: float = 0.005
    max_latency_ms: float | None = None
    supernet_epochs: int | None = None
    inherit: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Resources:
    """What the trials may use: `workers` at a time, each with its share of a GPU. None leaves it to the runner.

    `ray_address` is that of a cluster to join, None for a Ray of the search's own; there a trial takes so many
    `cpus_per_trial` and amounts of `custom` resources.
    """

    workers: int | None = None
    gpus_per_trial: float | None = None
    ray_address: str | None = None
    cpus_per_trial: float | None = None
    custom: Mapping[str, float] = field(default_factory=dict)


class Record(LatencyRecord, Protocol):
    """What evaluators find and leave behind in the database: the store."""

    def artifact(self, name: str) -> Artifact | None:
        """The one of that name, None where there is none."""

    def artifact_details(self, name: str) -> Mapping[str, Any] | None:
        """Of the one of that name, without its content; None where there is none."""

    def put_artifact(self, artifact: Artifact) -> None:
        """Put it on record, in the place of another one of its name."""

    def put_artifact_details(self, artifact: Artifact) -> None:
        """Put its details on record, where its content is already."""


# Has jobs done by an evaluator, as Runner.run does.
Run = Callable[["AskTell", "Evaluator", int | None], None]
# Tells whoever watches of an event, and what there is to know of it.
Say = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Job:
    """One evaluation for a worker, of the trial `number`: `repeat` 0 is the trial itself, K its K-th confirmation.

    On a target whose latency is `known`, by the target's name, nothing is measured; after the epochs `rungs` the search
    is asked whether the trial goes on. `resume_from` is what an earlier attempt found out up to its last rung, before
    the process that trained was lost: the training goes on from its checkpoint.
    """

    architecture: Architecture
    seed: int
    number: int = 0
    repeat: int = 0
    known: Mapping[str, Measurement] = field(default_factory=dict)
    rungs: tuple[int, ...] = ()
    resume_from: Outcome | None = None
    is_baseline: bool = False
    """Whether it is of a known network, which is trained whatever its latency is, and by itself."""


class Evaluator(Protocol):
    """Finds out about architectures, one after another, in a worker process. Sent there by pickling."""

    @property
    def device(self) -> str:
        """Where it trains: `cpu` or `cuda`."""

    def prepared(self, record: Record, run: Run, say: Say) -> "Evaluator":
        """The evaluator that is ready: its latencies are on the record's scale, and what it needs besides is made by
        jobs that it has `run`. Called once, before the first evaluation.
        """

    def evaluate(self, job: Job) -> Iterator[Outcome]:
        """What was found out after each of the job's rungs, as if the training was stopped there, and at the end.

        An expected failure (a loss that is not finite, memory) is part of the outcome.
        """

    def confirm(self, architecture: Architecture, seed: int) -> Iterator[Outcome]:
        """What the architecture comes to when it is trained by itself; it is measured anew, before that and after."""

    def check_node(self) -> None:
        """On a machine that is to evaluate. Raises UserError when its figures would be no figures of the study."""


@dataclass(frozen=True)
class Evaluation:
    """An evaluator that is ready to go, the space at the size that the pictures ask for, and the settings that make its
    outcomes comparable, as JSON values.

    With fewer than `least_confirm` further seeds a front would be of figures that no training led to. `features` tell
    of any architecture, at the cost of about a training step, what those that were asked for are. `trial_costs`
    estimates a trial's time and memory, None where nothing tells them. `images` is the digest of the images that it
    trains on; None where it trains nothing, and so no baselines.
    """

    evaluator: Evaluator
    space: SearchSpace
    settings: Mapping[str, Any]
    least_confirm: int = 0
    features: Sequence[Callable[[Architecture], float | None]] = ()
    trial_costs: TrialCosts | None = None
    images: str | None = None


class Watcher(Protocol):
    """Told as the search goes on, in the driver's main thread."""

    def began(self, trial: Trial) -> None: ...

    def ended(self, trial: Trial) -> None: ...

    def confirmed(self, trial: Trial) -> None:
        """The trial has one confirmation more."""

    def ranks_checked(self, found: Sequence[RankCheck]) -> None:
        """How well early accuracies foretell final ones by now."""

    def noted(self, event: str, fields: Mapping[str, Any]) -> None:
        """What else has happened, and what there is to know of it, as JSON values; a `message` says it in words."""


class AskTell(Protocol):
    """The search, as a runner sees it."""

    def ask(self) -> Job | None:
        """The next job; None when there is none for now."""

    @property
    def is_over(self) -> bool:
        """Whether no job runs and none is left to ask for."""

    def should_continue(self, job: Job, outcome: Outcome) -> bool:
        """Whether to train on, by what was found out at a rung; if not, the outcome is told like any other."""

    def tell(self, job: Job, outcome: Outcome) -> None: ...

    def interrupt(self, job: Job, cause: str, message: str) -> None:
        """A running job was cut off; it is asked for again."""


class Runner(Protocol):
    """Runs searches' jobs, each until it is over. Made of the Resources and the evaluator's device, which it checks. A
    context manager: what it starts for the first search it stops at the end.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def report(self) -> Mapping[str, Any]:
        """What it says of itself to whoever looks from outside, as JSON values: `workers` by node. From any thread."""

    def run(self, search: AskTell, evaluator: Evaluator, workers: int | None = None) -> None:
        """By so many workers at a time, None is all there are.

        Raises SearchInterruptedError when the machinery breaks down, KeyboardInterrupt at Ctrl-C."""
