"""The interfaces between a search and its plug-ins: evaluators, runners and watchers."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from nas.architecture import Architecture, Size
from nas.latency.meter import LatencyRecord
from nas.objective import Measurement
from nas.options import AUTO_COLOUR, DEFAULT_MAX_PIXELS, HEADERS
from nas.results.metric import METRIC_SETTING
from nas.results.rank_correlation import RankCheck
from nas.results.settings import FLIP_SETTING, SHIFT_SETTING, ComparableSettings
from nas.space import SearchSpace
from nas.store.artifact import Artifact
from nas.trial import Fidelity, Outcome, Trial
from nas.trial_cost import TrialCosts

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Options = TypeVar("Options", bound="DataclassInstance")
# Of the data's settings, the options of the same names that go on as they are on record.
RECORDED_OPTIONS = (FLIP_SETTING, SHIFT_SETTING, METRIC_SETTING)
# The largest share of the time of a search or a training in which its data is looked at before the first step.
MAX_ADVICE_SHARE = 0.05


def advice_limit_s(time_s: float | None) -> float:
    """Return the seconds in which the data of a search or a training of that time may be looked at."""
    return math.inf if time_s is None else MAX_ADVICE_SHARE * time_s


def with_recorded_data(options: Options, record: Mapping[str, Any]) -> Options:
    """Fill in augmentation and metric as they are on record, where the user's options leave them open."""
    left_open = [name for name in RECORDED_OPTIONS if getattr(options, name) is None]
    return replace(options, **{name: record.get(name) for name in left_open})


@dataclass(frozen=True)
class EvaluationOptions:
    """The user's options for evaluating an architecture; None is the data set's or the machine's default.

    `latency` means the first of `targets`, the machine's own where none is named. `train_precision` is auto (whichever
    trains an architecture fastest), fp32 or bf16. The recipe policy decides `batch_size` and `learning_rate` where they
    are None; `training_recipe` is a recorded recipe (nas.exports.training.TrainingRecipe) to follow exactly.
    `supernet_epochs` and `inherit` are for the evaluator `supernet`: how long the supernet is trained, and whether
    finalists start from its weights. `features` names the training-free features to compute of each architecture.
    `colour`, `resize`, `background` and `max_pixels` are for picture files (nas.options). `data_memory` bounds the
    bytes of decoded images that are kept in memory.
    """

    dataset: str = "digits"
    data_dir: Path | None = None
    download: bool = False
    follow_links: bool = False
    empty_classes: bool = False
    skip_unreadable: bool = False
    check_pictures: str = HEADERS
    epochs: int | None = None
    train_size: int | None = None
    input_size_px: Size | None = None
    colour: str = AUTO_COLOUR
    resize: str | None = None
    background: str | None = None
    max_pixels: int = DEFAULT_MAX_PIXELS
    data_memory: int | None = None
    flip: bool | None = None
    shift: float | None = None
    metric: str | None = None
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
    index_folder: Path | None = None
    """The folder for indices of picture files; None is the user's cache folder."""
    stratify: bool = True
    """Whether splits may be stratified by class; not in a study that was begun without that."""
    evaluate: Callable[[Any, "RunningTrial"], Any] | None = None
    """The training function of the evaluator `function`."""
    pictures: Any = None
    """The data set in memory that replaces `dataset`: (images, labels) or a torch Dataset."""


@dataclass(frozen=True)
class Resources:
    """The resources of trials: `workers` at a time, each with its share of a GPU. None leaves it to the runner.

    `ray_address` is the address of a cluster to join, None for a Ray of the search's own. On a cluster a trial takes
    `cpus_per_trial` CPUs and these amounts of `custom` resources.
    """

    workers: int | None = None
    gpus_per_trial: float | None = None
    ray_address: str | None = None
    cpus_per_trial: float | None = None
    custom: Mapping[str, float] = field(default_factory=dict)


class Record(LatencyRecord, Protocol):
    """The part of the store that evaluators read and write."""

    def artifact(self, name: str) -> Artifact | None:
        """Read the artifact of that name; None where there is none."""

    def artifact_details(self, name: str) -> Mapping[str, Any] | None:
        """Read the details of the artifact of that name, without its content; None where there is none."""

    def put_artifact(self, artifact: Artifact) -> None:
        """Record an artifact, replacing another one of its name."""

    def put_artifact_details(self, artifact: Artifact) -> None:
        """Update the details of a recorded artifact, and keep its content."""


# Runs jobs by an evaluator, as Runner.run does.
Run = Callable[["AskTell", "Evaluator", int | None], None]
# Reports an event and its details to the watcher.
Say = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Job:
    """One evaluation of trial `number` for a worker: `repeat` 0 is the trial itself, K its K-th confirmation.

    Nothing is measured on a target whose latency is `known`, by the target's name. After the epochs `rungs` the search
    decides whether the trial continues. `resume_from` is the outcome of an earlier attempt at its last rung, before
    its process was lost: the training resumes from that outcome's checkpoint.
    """

    architecture: Architecture
    seed: int
    number: int = 0
    repeat: int = 0
    known: Mapping[str, Measurement] = field(default_factory=dict)
    rungs: tuple[int, ...] = ()
    resume_from: Outcome | None = None
    is_baseline: bool = False
    """Whether the architecture is a known network, which is trained whatever its latency is, and by itself."""
    fidelity: Fidelity | None = None
    """The extent of a training that is not the trials' own; `repeat` is then its rung on the study's ladder."""
    is_final: bool = False
    """Whether it is the training at the target: its weights are kept, and latencies measured before it and after."""


class Evaluator(Protocol):
    """Evaluates architectures, one after another, in a worker process. Sent there by pickling."""

    @property
    def device(self) -> str:
        """The device that it trains on: `cpu` or `cuda`."""

    def prepared(self, record: Record, run: Run, say: Say) -> "Evaluator":
        """Return the evaluator ready for use: its latencies are on the record's scale, and it has `run` the jobs that
        make whatever else it needs. Called once, before the first evaluation.
        """

    def evaluate(self, job: Job) -> Iterator[Outcome]:
        """Yield an outcome after each of the job's rungs, as if the training was stopped there, and one at the end.

        An expected failure (a loss that is not finite, memory) is part of the outcome.
        """

    def confirm(self, architecture: Architecture, seed: int) -> Iterator[Outcome]:
        """Train the architecture by itself and yield its outcome; latency is measured anew, before that and after."""

    def check_node(self) -> None:
        """Check a machine that is to evaluate. Raises UserError when its results cannot be compared to the study's."""


@dataclass(frozen=True)
class Evaluation:
    """An evaluator, the space at the size that the images ask for, and facts by which outcomes are comparable.

    `settings` are these facts as JSON values: the data, the targets and their fingerprints, the length of a training.
    The search adds the user's options (space, seed, limits) where an evaluator does not record them itself.
    `least_confirm` is the minimum of further seeds with which a front's accuracies come from training. `features`
    compute the requested features of any architecture, each at the cost of about a training step. `trial_costs`
    estimates a trial's time and memory, None where there is no estimate. `images` is the digest of the training images;
    None where it trains nothing, and so no baselines. `advice` takes at most about so many seconds to look at the data,
    and yields warnings for the user, a line each. `worthwhile` is the largest training that is worth its time, with all
    images that none is judged by; `reaching` makes an evaluator of trainings at these fidelities, too. Both are None
    where all trainings are alike. `test` gives the accuracy of trained weights on the data set's test part.
    """

    evaluator: Evaluator
    space: SearchSpace
    settings: Mapping[str, Any]
    least_confirm: int = 0
    features: Sequence[Callable[[Architecture], float | None]] = ()
    trial_costs: TrialCosts | None = None
    images: str | None = None
    advice: Callable[[float], Iterator[str]] | None = None
    worthwhile: Fidelity | None = None
    reaching: Callable[[Sequence[Fidelity]], Evaluator] | None = None
    test: Callable[[Architecture, bytes], float] | None = None

    @cached_property
    def facts(self) -> ComparableSettings:
        """The facts as typed attributes."""
        return ComparableSettings(self.settings)


class Watcher(Protocol):
    """Is notified of the search's progress, in the driver's main thread."""

    def began(self, trial: Trial) -> None: ...

    def ended(self, trial: Trial) -> None: ...

    def confirmed(self, trial: Trial) -> None:
        """The trial has another confirmation."""

    def ranks_checked(self, rank_checks: Sequence[RankCheck]) -> None:
        """The rank correlation of early accuracies with final ones was computed anew."""

    def noted(self, event: str, fields: Mapping[str, Any]) -> None:
        """Another event happened, with these details as JSON values; a `message` says it in words."""


def outcomes_of(evaluator: Evaluator, job: Job) -> Iterator[Outcome]:
    """The outcomes of a job: of a trial's evaluation, at its fidelity, or of its confirmation with another seed."""
    is_confirmation = job.repeat > 0 and job.fidelity is None
    return evaluator.confirm(job.architecture, job.seed) if is_confirmation else evaluator.evaluate(job)


class RunningTrial(Protocol):
    """A trial as a user's training function sees it."""

    number: int
    seed: int
    """The seed of this training; torch's global generator is already seeded with it."""
    architecture: Architecture
    device: str
    """The device that the network is on: `cpu` or `cuda`."""

    def report(self, epoch: int, accuracy: float, loss: float | None = None) -> None:
        """Report the validation accuracy (0 to 1) after each epoch, counted from 1, and the mean training loss,
        by which samplers predict the final accuracy; by default 1 - accuracy.

        Raises TrialStopped where the search ends the trial early, ValueError for anything out of range.
        """


class TrialStopped(Exception):  # noqa: N818
    """Raised in a training function whose trial the search ended early: let it pass."""


class AskTell(Protocol):
    """The search, as a runner sees it."""

    def ask(self) -> Job | None:
        """Return the next job; None when there is none for now."""

    @property
    def is_over(self) -> bool:
        """Whether no job runs and none remains."""

    def should_continue(self, job: Job, outcome: Outcome) -> bool:
        """Whether to continue a training after its outcome at a rung; if not, that outcome is its end."""

    def tell(self, job: Job, outcome: Outcome) -> None:
        """Record the outcome of a running job."""

    def interrupt(self, job: Job, cause: str, message: str) -> None:
        """Record that a running job was cut off; `ask` returns it again."""


class Runner(Protocol):
    """Runs the jobs of searches, one search after another. Made with the Resources and the evaluator's device, which it
    checks. A context manager: it stops at the end what it started for the first search.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def report(self) -> Mapping[str, Any]:
        """Report its state for other processes, as JSON values: `workers` by node. Called from any thread."""

    def run(self, search: AskTell, evaluator: Evaluator, workers: int | None = None) -> None:
        """Run a search's jobs until it is over, by at most `workers` at a time; None is all there are.

        Raises SearchInterruptedError when the machinery breaks down, KeyboardInterrupt at Ctrl-C."""
