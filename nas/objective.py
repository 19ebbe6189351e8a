"""Objectives of a search, and measurements with their spread and the fingerprint of where they were taken."""

import dataclasses
import hashlib
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from nas.errors import ParameterError, UnknownNameError

# The prefix of training-free features' names, among an outcome's costs and in tables.
FEATURE_PREFIX = "feature:"
QUANTILES = (0.1, 0.25, 0.75, 0.9, 0.99)


@dataclass(frozen=True)
class Objective:
    """A named quantity and whether more of it is better."""

    name: str
    unit: str
    maximise: bool = False

    def loss(self, value: float) -> float:
        """The value as something to minimise."""
        return -value if self.maximise else value


ACCURACY = Objective("accuracy", "fraction", maximise=True)
LATENCY = Objective("latency_ms", "ms")
PARAMETERS = Objective("parameters", "")
MACS = Objective("macs", "")
PEAK_MEMORY = Objective("peak_memory", "bytes")
ENERGY = Objective("energy", "mJ")
OBJECTIVES = (ACCURACY, LATENCY)
FURTHER_OBJECTIVES = (PARAMETERS, MACS, PEAK_MEMORY, ENERGY)
# Training-free features that every trial records.
COUNTED_NAMES = (PARAMETERS.name, MACS.name)


def latency_on(target: str) -> Objective:
    """Latency on a target besides the first one."""
    return Objective(f"{LATENCY.name}@{target}", LATENCY.unit)


def objectives_of(names: Sequence[str], targets: Sequence[str]) -> tuple[Objective, ...]:
    """Parse names of objectives: `accuracy`, `latency` and `energy` (on the first target), `latency@TARGET`, counts.

    Raises UnknownNameError for another name, ParameterError unless they are accuracy and something else, each once.
    """
    first, *others = targets
    valid = {"accuracy": ACCURACY, "latency": LATENCY, f"latency@{first}": LATENCY}
    valid |= {f"latency@{other}": latency_on(other) for other in others}
    valid |= {objective.name: objective for objective in FURTHER_OBJECTIVES}
    if unknown := [name for name in names if name not in valid]:
        if unknown[0].startswith("latency@"):
            target = unknown[0].removeprefix("latency@")
            raise ParameterError(f"--objective {unknown[0]} needs --target {target}; targets: {', '.join(targets)}")
        raise UnknownNameError("objective", unknown[0], valid)
    objectives = tuple(valid[name] for name in names)
    if ACCURACY not in objectives or len(objectives) < 2 or len(set(objectives)) < len(objectives):
        raise ParameterError(
            f"--objective {', '.join(names)}: accuracy and at least one other objective are needed, each once"
        )
    return objectives


def recorded_objective(name: str) -> Objective:
    """Make the objective that a study's settings name."""
    return Objective(name, "", maximise=name == ACCURACY.name)


def unit_of(name: str) -> str:
    """Look up an objective's unit by its name; empty where it has none, or its name says it."""
    return {objective.name: objective.unit for objective in (PEAK_MEMORY, ENERGY)}.get(name, "")


# A normal variable is within this many standard deviations of its mean 95% of the time.
Z_95 = 1.96
# The relative half-width of a median of too few samples for a confidence interval.
UNKNOWN_HALF_WIDTH = 1.0
# A machine that is slower than usual by a larger fraction is shared: a neighbour on the same core slows different
# networks differently, so that two measurements of one differ by 4%, and by 1.5% without it (on two virtual cores of a
# busy host).
MAX_DRIFT = 0.3
# The database's columns and JSON keys, where they differ from the fields' names.
STORED_NAMES = {"discarded": "thrown", "relative_half_width": "margin"}


@dataclass(frozen=True)
class Measurement:
    """Repeated samples of one quantity, and the fingerprint of where they were taken.

    Only measurements of equal fingerprints are comparable. `discarded` counts further samples, which were disturbed.
    `relative_half_width` is half the width of the median's 95% confidence interval, as a fraction of the median, and
    `precision` the one that was asked for. `drift` is the fraction by which the machine was slower than usual; the
    samples are corrected for it. `taken_at` is in seconds since 1970.
    """

    metric: str
    unit: str
    samples: tuple[float, ...]
    fingerprint: Mapping[str, str | int]
    discarded: int = 0
    relative_half_width: float = UNKNOWN_HALF_WIDTH
    precision: float = UNKNOWN_HALF_WIDTH
    drift: float = 0.0
    taken_at: float = 0.0

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Measurement":
        """Invert `to_dict`; other keys are ignored. Raises KeyError or TypeError."""
        values = {name: fields[key] for name, key in cls._stored_names().items() if key in fields}
        return cls(**values | {"samples": tuple(fields["samples"])})

    def to_dict(self) -> dict[str, Any]:
        """Convert to JSON values, under the names of the database's columns."""
        values = {key: getattr(self, name) for name, key in self._stored_names().items()}
        return {**values, "samples": list(self.samples), "fingerprint": dict(self.fingerprint)}

    @classmethod
    def _stored_names(cls) -> dict[str, str]:
        return {field.name: STORED_NAMES.get(field.name, field.name) for field in dataclasses.fields(cls)}

    @property
    def count(self) -> int:
        return len(self.samples)

    @cached_property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def interval(self) -> tuple[float, float]:
        """The median's 95% confidence interval."""
        return self.median * (1 - self.relative_half_width), self.median * (1 + self.relative_half_width)

    @property
    def is_usable(self) -> bool:
        """Whether its interval is known; a median of a few disturbed rounds is measured anew when it is needed."""
        return self.relative_half_width < UNKNOWN_HALF_WIDTH

    @property
    def is_precise(self) -> bool:
        """Whether the precision that was asked for was reached."""
        return self.relative_half_width <= self.precision

    @property
    def is_disturbed(self) -> bool:
        """Whether the machine was slower than usual by more than MAX_DRIFT: another process must have shared it."""
        return self.drift > MAX_DRIFT

    def agrees_with(self, later: "Measurement") -> bool:
        """Whether a later median differs from this one by no more than both confidence intervals together explain."""
        half_width = math.hypot(self.relative_half_width * self.median, later.relative_half_width * later.median)
        return abs(later.median - self.median) <= half_width

    def quantile(self, q: float) -> float:
        """Interpolate the sample quantile at 0 <= q <= 1 linearly between order statistics."""
        ordered = sorted(self.samples)
        position = q * (len(ordered) - 1)
        low = int(position)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (position - low) * (ordered[high] - ordered[low])

    @cached_property
    def iqr(self) -> float:
        """The interquartile range: the width of the middle half of the samples."""
        return self.quantile(0.75) - self.quantile(0.25)


def fingerprint_digest(fingerprint: Mapping[str, Any]) -> str:
    """Hash a fingerprint, by which comparable measurements are found: 32 hexadecimal digits, in any order of keys."""
    return hashlib.blake2b(json.dumps(dict(fingerprint), sort_keys=True).encode(), digest_size=16).hexdigest()


def least_disturbed(measurements: Sequence[Measurement]) -> Measurement:
    """Choose a usable measurement if there is one, and among equals the one with the least drift."""
    return min(measurements, key=lambda measurement: (not measurement.is_usable, abs(measurement.drift)))


def pooled(measurements: Sequence[Measurement]) -> Measurement:
    """Pool several measurements of one network on one target.

    Disturbed ones count only where there are no others, and unusable ones where none is usable.

    Raises ValueError when there are none.
    """
    if not measurements:
        raise ValueError("no measurements")
    usable = [measurement for measurement in measurements if measurement.is_usable] or measurements
    chosen = [measurement for measurement in usable if not measurement.is_disturbed] or usable
    if len(chosen) == 1:
        return chosen[0]
    # The mean of the medians, whatever the number of samples: more are taken where the machine is less quiet.
    medians = [measurement.median for measurement in chosen]
    mean = statistics.fmean(medians)
    half_widths = [measurement.relative_half_width * measurement.median for measurement in chosen]
    within = math.sqrt(sum(half_width**2 for half_width in half_widths)) / len(chosen)
    between = Z_95 * statistics.stdev(medians) / math.sqrt(len(chosen))
    is_usable = chosen[0].is_usable
    return replace(
        chosen[-1],
        samples=tuple(sample * mean / measurement.median for measurement in chosen for sample in measurement.samples),
        discarded=sum(measurement.discarded for measurement in chosen),
        relative_half_width=min(UNKNOWN_HALF_WIDTH, max(within, between) / mean) if is_usable else UNKNOWN_HALF_WIDTH,
        drift=statistics.fmean(measurement.drift for measurement in chosen),
    )
