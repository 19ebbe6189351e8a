"""Baselines: known networks that are trained with several seeds as a study's trials are, and their records."""

import hashlib
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from nas.architecture import Architecture
from nas.exports.known import known_name
from nas.objective import ACCURACY, LATENCY, Measurement, pooled
from nas.results.comparison import Comparison, compare, conclusion
from nas.results.front import Result
from nas.results.pareto import Point
from nas.results.settings import ComparableSettings
from nas.store.artifact import Artifact
from nas.trial import CurvePoint, Failure, Outcome

KIND = "baseline"
# A study's settings on which neither an architecture's training nor its latency depends. All others are part of a
# baseline's identity, those of later versions too.
IRRELEVANT_SETTINGS = frozenset(
    (
        *("space", "space_key", "mixer_sources", "evaluator", "objectives", "latency_precision", "max_latency_ms"),
        *("min_accuracy", "supernet", "inherit"),
    )
)


class BaselineRecord(Protocol):
    """The part of the store that holds baselines."""

    def artifacts(self, kind: str) -> list[Artifact]:
        """List the artifacts of a kind without their contents, the newest first."""


@dataclass(frozen=True)
class Baseline:
    """A known network, and the outcomes of its trainings by their seeds.

    `images` is the digest of the images that it was trained and validated on.
    """

    architecture: Architecture
    images: str
    outcomes: Mapping[int, Outcome] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return known_name(self.architecture).text

    @property
    def accuracies(self) -> tuple[float, ...]:
        """The accuracy with each seed; the network was not selected by any of them."""
        accuracies = (outcome.accuracy for outcome in self.outcomes.values())
        return tuple(accuracy for accuracy in accuracies if accuracy is not None)

    @property
    def accuracy(self) -> float | None:
        """The mean over the seeds."""
        return statistics.fmean(self.accuracies) if self.accuracies else None

    @property
    def accuracy_std(self) -> float | None:
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None

    @property
    def measured(self) -> Mapping[str, Measurement]:
        """The latencies on all targets by objective, pooled; a measurement that several trainings share counts once."""
        occasions: dict[str, dict[float, Measurement]] = {}
        for outcome in self.outcomes.values():
            for name, measurement in outcome.measured.items():
                occasions.setdefault(name, {})[measurement.taken_at] = measurement
        return {name: pooled(list(measurements.values())) for name, measurements in occasions.items()}

    @property
    def latency(self) -> Measurement | None:
        return self.measured.get(LATENCY.name)

    @property
    def figures(self) -> Mapping[str, float]:
        """The values of objectives by name: accuracy's mean, latencies' pooled medians, other costs."""
        costs = {name: value for outcome in self.outcomes.values() for name, value in outcome.figures.items()}
        medians = {name: measurement.median for name, measurement in self.measured.items()}
        accuracy = {} if self.accuracy is None else {ACCURACY.name: self.accuracy}
        return {**costs, **medians, **accuracy}

    @property
    def parameters(self) -> int | None:
        counts = (outcome.parameters for outcome in self.outcomes.values())
        return next((count for count in counts if count is not None), None)

    @property
    def failure(self) -> Failure | None:
        """The last failure; None where there is an accuracy."""
        failures = [outcome.failure for outcome in self.outcomes.values() if outcome.failure is not None]
        return failures[-1] if failures and self.accuracy is None else None

    def with_outcome(self, seed: int, outcome: Outcome) -> "Baseline":
        return replace(self, outcomes={**self.outcomes, seed: replace(outcome, checkpoint=None)})

    def point(self, settings: ComparableSettings) -> Point | None:
        """The losses in a study with these settings, accuracy's last; None where one is unknown."""
        objectives = sorted(settings.objectives, key=lambda objective: objective.maximise)
        if any(objective.name not in self.figures for objective in objectives):
            return None
        return tuple(objective.loss(self.figures[objective.name]) for objective in objectives)


def artifact_of(baseline: Baseline, settings: ComparableSettings, updated_at: float) -> Artifact:
    """Make the record of a baseline for studies with these settings."""
    details = {
        "baseline": baseline.name,
        "architecture": baseline.architecture.to_dict(),
        "images": baseline.images,
        "dataset": settings.dataset,
        "settings": _training_settings(settings),
        "accuracy": baseline.accuracy,
        "parameters": baseline.parameters,
        "seeds": {str(seed): _to_details(outcome) for seed, outcome in baseline.outcomes.items()},
    }
    return Artifact(artifact_name(baseline.architecture, settings), KIND, details, updated_at=updated_at)


def artifact_name(architecture: Architecture, settings: ComparableSettings) -> str:
    """Name a known network's record, by everything in the settings that its training or its latency depends on."""
    return f"{artifact_prefix(settings)}{architecture.key[:16]}"


def stored_baselines(record: BaselineRecord, settings: ComparableSettings) -> list[Baseline]:
    """List the baselines that were trained like the trials of a study with these settings, the fastest first."""
    return baselines_among(record.artifacts(KIND), settings)


def baselines_among(artifacts: Iterable[Artifact], settings: ComparableSettings) -> list[Baseline]:
    """Select the artifacts that are baselines of studies with these settings, the fastest first.

    A user's function may have made several networks of one name over time; the last one counts.
    """
    prefix = artifact_prefix(settings)
    ours = [artifact for artifact in artifacts if artifact.kind == KIND and artifact.name.startswith(prefix)]
    ours.sort(key=lambda artifact: artifact.updated_at)
    latest = {baseline.name: baseline for baseline in (baseline_from(artifact.details) for artifact in ours)}
    return sorted(latest.values(), key=lambda baseline: baseline.figures.get(LATENCY.name, float("inf")))


def baseline_from(details: Mapping[str, Any]) -> Baseline:
    """Read a baseline from an artifact's details."""
    outcomes = {int(seed): _from_details(outcome) for seed, outcome in details["seeds"].items()}
    return Baseline(Architecture.from_dict(details["architecture"]), details["images"], outcomes)


def trained_alike(
    baselines: Sequence[Baseline], members: Sequence[Result], settings: ComparableSettings
) -> Sequence[Baseline]:
    """Select the baselines that were trained as a front's members were.

    They are trained at the target of the study's ladder: none of them while no member has reached it.
    """
    is_below = settings.ladder is not None and not any(member.final for member in members)
    return [] if is_below else baselines


def compared(
    baselines: Sequence[Baseline], members: Sequence[Point], settings: ComparableSettings
) -> tuple[list[Comparison], list[str]]:
    """Compare the baselines with a front's members, and state the conclusion in plain words."""
    points = {baseline.name: baseline.point(settings) for baseline in baselines}
    comparisons = compare({name: point for name, point in points.items() if point is not None}, members)
    objectives = settings.objectives
    costs = [objective.name.removesuffix("_ms") for objective in objectives if not objective.maximise]
    return comparisons, conclusion(comparisons, len(members), " and ".join(costs), settings.metric_label)


def as_json(baseline: Baseline, comparison: Comparison | None) -> dict[str, Any]:
    """Convert a baseline and its comparison with a front to JSON values, for other programs."""
    latency = baseline.latency
    return {
        "name": baseline.name,
        "key": baseline.architecture.key,
        "parameters": baseline.parameters,
        "accuracy": baseline.accuracy,
        "accuracy_std": baseline.accuracy_std,
        "seeds": len(baseline.accuracies),
        "latency_ms": None if latency is None else latency.median,
        "latency_iqr_ms": None if latency is None else latency.iqr,
        "latency_interval_ms": None if latency is None else list(latency.interval),
        "figures": dict(baseline.figures),
        "front_gain": None if comparison is None else comparison.gain,
        "dominates": 0 if comparison is None else len(comparison.dominated),
        "failure": None if baseline.failure is None else vars(baseline.failure).copy(),
    }


def artifact_prefix(settings: ComparableSettings) -> str:
    """The beginning of the names of all baselines of studies with these settings."""
    digest = hashlib.blake2b(
        json.dumps(_training_settings(settings), sort_keys=True).encode(), digest_size=16
    ).hexdigest()
    return f"{KIND}-{digest}-"


def _training_settings(settings: ComparableSettings) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in IRRELEVANT_SETTINGS}


def _to_details(outcome: Outcome) -> dict[str, Any]:
    """Convert an outcome to JSON values."""
    return {
        "accuracy": outcome.accuracy,
        "parameters": outcome.parameters,
        "latency": None if outcome.latency is None else outcome.latency.to_dict(),
        "latencies": {target: measurement.to_dict() for target, measurement in outcome.latencies.items()},
        "costs": dict(outcome.costs),
        "curve": [vars(point).copy() for point in outcome.curve],
        "train_s": outcome.train_s,
        "measure_s": outcome.measure_s,
        "environment": dict(outcome.environment),
        "failure": None if outcome.failure is None else vars(outcome.failure).copy(),
    }


def _from_details(details: Mapping[str, Any]) -> Outcome:
    """Invert `_to_details`."""
    latencies = {target: Measurement.from_dict(latency) for target, latency in details["latencies"].items()}
    return Outcome(
        accuracy=details["accuracy"],
        parameters=details["parameters"],
        latency=None if details["latency"] is None else Measurement.from_dict(details["latency"]),
        latencies=latencies,
        costs=details["costs"],
        curve=tuple(CurvePoint(**point) for point in details["curve"]),
        train_s=details["train_s"],
        measure_s=details["measure_s"],
        environment=details["environment"],
        failure=None if details["failure"] is None else Failure(**details["failure"]),
    )
