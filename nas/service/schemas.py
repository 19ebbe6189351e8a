"""JSON schemas of the service's responses, as in /api/v1/openapi.json. Times are seconds since 1970, in UTC."""

from typing import Any

# pydantic needs this one before Python 3.12.
from typing_extensions import TypedDict


class Failure(TypedDict):
    cause: str
    message: str


class Fidelity(TypedDict):
    """The extent of a training: `epochs` passes over `images` images."""

    images: int
    epochs: int


class StudySummary(TypedDict):
    """The present state of a study. `left_s` is None if no search runs or its pace is not known yet.

    `target_training` is the training by which the front is judged, None where that is the trials' own.

    `metric` names the measure that accuracies are of, a value of --metric, and `measure` is its label for people.
    """

    name: str
    owner: str | None
    archived: bool
    note: str
    created_at: float
    running: bool
    budget: int | None
    left_s: float | None
    space: str
    dataset: str
    target: str
    objectives: list[str]
    metric: str
    measure: str
    max_latency_ms: float | None
    min_accuracy: float | None
    target_training: Fidelity | None
    trials: dict[str, int]
    done: int
    trials_per_hour: float
    workers: dict[str, int]
    failures: dict[str, int]
    last_error: Failure | None
    best_accuracy: float | None
    front_size: int
    hypervolume: float
    revision: str


class Trial(TypedDict):
    """A trial without its samples and curves. If it was stopped early, `accuracy` is the last of its curve.

    Of a trial that was trained at the study's target, `target_training` is that training, whose `accuracy` and its 90%
    interval these are; `test_accuracy` is its network's on the data set's test part, once it was tested.
    `below_min_accuracy` marks a complete trial that is less accurate than the study's limit, and so on no front.
    """

    number: int
    state: str
    word: str
    key: str
    recipe: str
    blueprint: dict[str, Any]
    stages: list[dict[str, Any]]
    attempt: int
    accuracy: float | None
    accuracy_std: float | None
    accuracy_interval: list[float] | None
    target_training: Fidelity | None
    test_accuracy: float | None
    below_min_accuracy: bool
    seeds: int
    latency_ms: float | None
    latency_interval_ms: list[float] | None
    figures: dict[str, float]
    epochs: int
    train_s: float
    failure: Failure | None
    finished_at: float | None


class Trials(TypedDict):
    """Trials that changed after the requested revision; the next request passes `revision`."""

    revision: str
    complete: bool
    trials: list[Trial]


class Front(TypedDict):
    """A study's front. `members` are the objects that `nas front --json` prints, `metric` and `measure` a summary's.

    The field fallen has the numbers of the trials that further trainings dropped from the front, `baselines` the
    study's recorded known networks, and `conclusion` compares the front with them, in a list of lines. `hypervolume` is
    that in the region of interest, `target_training` the study's.
    """

    revision: str
    objectives: list[str]
    metric: str
    measure: str
    members: list[dict[str, Any]]
    fallen: list[int]
    hypervolume: float
    knee: int | None
    baselines: list[dict[str, Any]]
    conclusion: list[str]
    target_training: Fidelity | None


class Moment(TypedDict):
    """The front's hypervolume in the region of interest after a number of ended `trials`."""

    trials: int
    hours: float
    hypervolume: float


class History(TypedDict):
    revision: str
    moments: list[Moment]


class Measured(TypedDict):
    """A measurement with its samples, in ms; `target` is None if the study has no target of that fingerprint."""

    target: str | None
    metric: str
    unit: str
    median: float
    interval: list[float]
    quantiles: dict[str, float]
    samples: list[float]
    thrown: int
    drift: float
    is_precise: bool
    taken_at: float
    fingerprint: dict[str, Any]


class Curve(TypedDict):
    """A learning curve by epoch. `images` are the numbers of validation images behind the accuracies.

    `fidelity` is that of a training longer than the trial's, `is_target` whether it is the one at the study's target.
    """

    seed: int
    fidelity: Fidelity | None
    is_target: bool
    accuracy: list[float]
    loss: list[float]
    images: list[int | None]


class StageCost(TypedDict):
    parameters: int
    macs: int


class Neighbour(TypedDict):
    """A trial whose architecture differs in one choice: the `stage`, counted from 1, its `field` and both values."""

    trial: Trial
    stage: int
    field: str
    here: str
    there: str


class TrialDetail(TypedDict):
    """A trial in full. `stage_costs` is None if the network cannot be built here."""

    trial: Trial
    metric: str
    measure: str
    config: dict[str, Any] | None
    stage_costs: list[StageCost] | None
    measurements: list[Measured]
    curves: list[Curve]
    neighbours: list[Neighbour]
    formats: list[str]
    retrain: str | None
    environment: dict[str, Any]


class Rung(TypedDict):
    """A rung of a study's ladder, as `nas fidelity --json` prints it."""

    images: int
    epochs: int
    trained: int
    train_s: float | None
    compared: int
    tau: float | None
    tau_interval: list[float] | None
    gain: dict[str, float]


class Fidelities(TypedDict):
    """The worth of a study's short trainings: two lines for people, and a row for each rung, that of the trials first.

    A study without a target training has no rungs.
    """

    revision: str
    conclusion: list[str]
    rungs: list[Rung]


class Search(TypedDict):
    """A search that the service started. `state` is starting, running, ended, stopped or failed.

    `study` is None while the search starts; `ending` is the reason why no more trials came once it has ended or was
    stopped, `error` its message if it failed.
    """

    id: str
    owner: str | None
    state: str
    study: str | None
    options: dict[str, Any]
    started_at: float
    ending: str | None
    error: str | None


class AuditEntry(TypedDict):
    """A request to change something, and the status of its answer. `at` is in seconds since 1970."""

    at: float
    person: str | None
    address: str
    method: str
    path: str
    status: int


class Choices(TypedDict):
    """Valid names for the options of a search in this service."""

    spaces: list[str]
    datasets: list[str]
    samplers: list[str]
    targets: list[str]
    mixers: list[str]
    roots: list[str]
