"""What a search optimises, and a measured number that knows its spread and where it was taken."""

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

# Before the names of training-free features, among an outcome's costs and in tables.
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
FURTHER = (PARAMETERS, MACS, PEAK_MEMORY, ENERGY)
# Training-free features that every trial has on record.
COUNTED_NAMES = (PARAMETERS.name, MACS.name)


def latency_on(target: str) -> Objective:
    """Latency on a target besides the first one."""
    return Objective(f"{LATENCY.name}@{target}", LATENCY.unit)


def objectives_of(names: Sequence[str], targets: Sequence[str]) -> tuple[Objective, ...]:
    """Of `accuracy`, `latency` and `energy` (on the first target), `latency@TARGET` and what is counted.

    Raises UnknownNameError for another name, ParameterError unless they are accuracy and something else, each once.
    """
    first, *others = targets
    valid = {"accuracy": ACCURACY, "latency": LATENCY, f"latency@{first}": LATENCY}
    valid |= {f"latency@{other}": latency_on(other) for other in others}
    valid |= {each.name: each for each in FURTHER}
    if unknown := [name for name in names if name not in valid]:
        if unknown[0].startswith("latency@"):
            target = unknown[0].removeprefix("latency@")
            raise ParameterError(f"--objective {unknown[0]} needs --target {target}; targets: {', '.join(targets)}")
        raise UnknownNameError("objective", unknown[0], valid)
    found = tuple(valid[name] for name in names)
    if ACCURACY not in found or len(found) < 2 or len(set(found)) < len(found):
        raise ParameterError(
            f"--objective {', '.join(names)}: accuracy and at least one other objective are needed, each once"
        )
    return found


def recorded_objectives(settings: Mapping[str, Any]) -> tuple[Objective, ...]:
    """Of a study's settings; studies of earlier versions had two."""
    names = settings.get("objectives", [each.name for each in OBJECTIVES])
    return tuple(Objective(name, "", maximise=name == ACCURACY.name) for name in names)


def unit_of(name: str) -> str:
    """Of an objective by its name; empty where it has none, or names it itself."""
    return {each.name: each.unit for each in (PEAK_MEMORY, ENERGY)}.get(name, "")


# A normal variable is within so many standard deviations of its mean 95% of the time.
Z_95 = 1.96
# The margin of a median of too few samples to tell.
UNKNOWN_HALF_WIDTH = 1.0
# A machine that is slower than usual by more is shared: a neighbour on the same core slows unlike networks unlike, so
# that two looks at one differ by 4%, and else by 1.5% (on two virtual cores of a busy host).
SHARED = 0.3


@dataclass(frozen=True)
class Measurement:
    """Repeated samples of one quantity, and the fingerprint of where they were taken.

    Only measurements of equal fingerprints are comparable. `thrown` further samples were disturbed and are left out;
    `margin` is half of the median's 95% confidence interval, as a fraction of it, and `precision` the margin that was
    asked for; `drift` is how much slower than usual the machine was, which the samples are corrected for. `taken_at` is
    in seconds since 1970.
    """

    metric: str
    unit: str
    samples: tuple[float, ...]
    fingerprint: Mapping[str, str | int]
    thrown: int = 0
    margin: float = UNKNOWN_HALF_WIDTH
    precision: float = UNKNOWN_HALF_WIDTH
    drift: float = 0.0
    taken_at: float = 0.0

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Measurement":
        """The inverse of `to_dict`; what else is among the fields is left out. Raises KeyError or TypeError."""
        names = {field.name for field in dataclasses.fields(cls)} & fields.keys()
        return cls(**{name: fields[name] for name in names} | {"samples": tuple(fields["samples"])})

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**fields, "samples": list(self.samples), "fingerprint": dict(self.fingerprint)}

    @property
    def count(self) -> int:
        return len(self.samples)

    @cached_property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def interval(self) -> tuple[float, float]:
        """The median's 95% confidence interval."""
        return self.median * (1 - self.margin), self.median * (1 + self.margin)

    @property
    def is_usable(self) -> bool:
        """Whether its interval is known: a figure of a few disturbed rounds is taken again when it is needed again."""
        return self.margin < UNKNOWN_HALF_WIDTH

    @property
    def is_precise(self) -> bool:
        """Whether the precision that was asked for was reached."""
        return self.margin <= self.precision

    @property
    def is_disturbed(self) -> bool:
        """Whether the machine was so much slower than usual that somebody else must have been on it."""
        return self.drift > SHARED

    def agrees_with(self, later: "Measurement") -> bool:
        """Whether a later median is as near to this one as both confidence intervals tell."""
        reach = math.hypot(self.margin * self.median, later.margin * later.median)
        return abs(later.median - self.median) <= reach

    def quantile(self, q: float) -> float:
        """The sample quantile at 0 <= q <= 1, linear between order statistics."""
        ordered = sorted(self.samples)
        position = q * (len(ordered) - 1)
        low = int(position)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (position - low) * (ordered[high] - ordered[low])

    @cached_property
    def iqr(self) -> float:
        """The interquartile range: where the middle half of the samples lies."""
        return self.quantile(0.75) - self.quantile(0.25)


def fingerprint_digest(fingerprint: Mapping[str, Any]) -> str:
    """By which figures that are comparable are found: 32 hexadecimal digits, whatever the order of keys."""
    return hashlib.blake2b(json.dumps(dict(fingerprint), sort_keys=True).encode(), digest_size=16).hexdigest()


def least_disturbed(taken: Sequence[Measurement]) -> Measurement:
    """One that is usable, if any is, of those that are alike the one whose reference was nearest to that on record."""
    return min(taken, key=lambda each: (not each.is_usable, abs(each.drift)))


def pooled(taken: Sequence[Measurement]) -> Measurement:
    """Several measurements of one thing on one target as one.

    Disturbed ones count where there are no others, and those that are not usable where no other is.

    Raises ValueError when there are none.
    """
    if not taken:
        raise ValueError("no measurements")
    usable = [each for each in taken if each.is_usable] or taken
    counted = [each for each in usable if not each.is_disturbed] or usable
    if len(counted) == 1:
        return counted[0]
    # The mean of the figures, whatever the number of samples: more are taken where the machine is less quiet.
    medians = [each.median for each in counted]
    middle = statistics.fmean(medians)
    within = math.sqrt(sum((each.margin * each.median) ** 2 for each in counted)) / len(counted)
    between = Z_95 * statistics.stdev(medians) / math.sqrt(len(counted))
    return replace(
        counted[-1],
        samples=tuple(sample * middle / each.median for each in counted for sample in each.samples),
        thrown=sum(each.thrown for each in counted),
        margin=min(UNKNOWN_HALF_WIDTH, max(within, between) / middle) if counted[0].is_usable else UNKNOWN_HALF_WIDTH,
        drift=statistics.fmean(each.drift for each in counted),
    )
