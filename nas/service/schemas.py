"""What the service answers, as JSON: /api/v1/openapi.json has the same. Times are seconds since 1970, in UTC."""

from typing import Any

# pydantic wants this one before Python 3.12.
from typing_extensions import TypedDict


class Failure(TypedDict):
    cause: str
    message: str


class StudySummary(TypedDict):
    """A study as it is now. `left_s` is None while no search runs, or none can tell."""

    name: str
    created_at: float
    running: bool
    budget: int | None
    left_s: float | None
    space: str
    dataset: str
    target: str
    objectives: list[str]
    max_latency_ms: float | None
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
    """A trial without its samples and curves. Of one that was stopped early `accuracy` is the last that was seen."""

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
    seeds: int
    latency_ms: float | None
    latency_interval_ms: list[float] | None
    figures: dict[str, float]
    epochs: int
    train_s: float
    failure: Failure | None
    finished_at: float | None


class Trials(TypedDict):
    """Those that changed after the revision that was asked for; `revision` is to be asked for next time."""

    revision: str
    complete: bool
    trials: list[Trial]


class Front(TypedDict):
    """`members` are what `nas front --json` prints; `fallen` were dropped from it by further seeds. `baselines` are
    known networks on record for the study, and `conclusion` says what the front comes to beside them, a line each.
    """

    revision: str
    objectives: list[str]
    members: list[dict[str, Any]]
    fallen: list[int]
    hypervolume: float
    knee: int | None
    baselines: list[dict[str, Any]]
    conclusion: list[str]


class Moment(TypedDict):
    """What the front dominated when so many trials had ended."""

    trials: int
    hours: float
    hypervolume: float


class History(TypedDict):
    revision: str
    moments: list[Moment]


class Measured(TypedDict):
    """A measurement with its samples, in ms; `target` is None where the study has none of that fingerprint."""

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
    seed: int
    accuracy: list[float]
    loss: list[float]


class StageCost(TypedDict):
    parameters: int
    macs: int


class Neighbour(TypedDict):
    """A trial of an architecture that differs in one choice: `stage` from 1, its `field`, and both values."""

    trial: Trial
    stage: int
    field: str
    here: str
    there: str


class TrialDetail(TypedDict):
    """`stage_costs` is None where the network cannot be built here."""

    trial: Trial
    config: dict[str, Any] | None
    stage_costs: list[StageCost] | None
    measurements: list[Measured]
    curves: list[Curve]
    neighbours: list[Neighbour]
    formats: list[str]
    retrain: str | None
    environment: dict[str, Any]


class Search(TypedDict):
    """A search that the service started. `state` is starting, running, ended, stopped or failed; `study` is None while
    it starts, and `error` what it said when it failed.
    """

    id: str
    state: str
    study: str | None
    options: dict[str, Any]
    started_at: float
    error: str | None


class Choices(TypedDict):
    """The names that are valid here."""

    spaces: list[str]
    datasets: list[str]
    samplers: list[str]
    targets: list[str]
    mixers: list[str]
    roots: list[str]
