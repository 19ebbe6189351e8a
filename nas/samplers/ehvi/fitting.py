"""From observations to predictions: which trials a process sees, on what scale, and when its parameters are learnt."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.samplers.ehvi.encoding import Columns, Row
from nas.samplers.ehvi.history import Observation
from nas.samplers.ehvi.surrogate import Hyperparameters, Surrogate
from nas.samplers.ehvi.targets import Targets

Floats = NDArray[np.float64]

# Parameters are learnt again when there are so many times as many observations as the last time, or so many more: those
# that came since are all seen, and a process takes the cube of their number.
GROWTH, STEP = 1.15, 64
FIRST = 8
# Of more observations a process sees the ones nearest to the front, and as many of the others.
MOST = 256


def schedule(count: int) -> int:
    """How many of `count` observations parameters are learnt from: as by the last time they were, so that a search that
    goes on after an interruption learns them from the same ones.
    """
    at = FIRST
    while (following := min(math.ceil(at * GROWTH), at + STEP)) <= count:
        at = following
    return min(at, count)


class Scale(NamedTuple):
    """Losses to standard units: the bad half beyond `middle` logarithmically, for how bad matters little."""

    middle: float
    good: float
    mean: float
    deviation: float

    @classmethod
    def of(cls, losses: Floats) -> "Scale":
        middle = float(np.median(losses))
        good = max(middle - float(np.quantile(losses, 0.1)), 1e-12)
        bent = _bent(losses, middle, good)
        return cls(middle, good, float(bent.mean()), float(bent.std()) or 1.0)

    def __call__(self, losses: Floats) -> Floats:
        scaled: Floats = (_bent(losses, self.middle, self.good) - self.mean) / self.deviation
        return scaled


def _bent(losses: Floats, middle: float, good: float) -> Floats:
    beyond = np.maximum(losses - middle, 0.0)
    return np.minimum(losses, middle) + good * np.log1p(beyond / good)


class Sample(NamedTuple):
    """What a process is told: observations, their losses in standard units, their noise variance besides, how far they
    are behind the front, and the place of each in the order in which they were made.
    """

    rows: Sequence[Row]
    losses: Floats
    extra: Floats
    gaps: Floats
    places: NDArray[np.int64]

    @classmethod
    def certain(cls, rows: Sequence[Row], losses: Floats) -> "Sample":
        """Of observations in their order, all alike."""
        zeros = np.zeros(len(losses))
        return cls(rows, losses, zeros, zeros, np.arange(len(losses)))

    def first(self, count: int) -> "Sample":
        return self.of(np.arange(count))

    def of(self, members: NDArray[np.int64]) -> "Sample":
        """Some of them, by their numbers."""
        return Sample(
            [self.rows[member] for member in members.tolist()],
            self.losses[members],
            self.extra[members],
            self.gaps[members],
            self.places[members],
        )


@dataclass(frozen=True)
class _Learnt:
    """At which moment, with how many groups of columns; and the places of the observations that are not seen."""

    at: int
    groups: int
    hyperparameters: Hyperparameters
    unseen: NDArray[np.int64]


@dataclass
class Surrogates:
    """Of one sampler: processes by name, each with what it has learnt so far."""

    _learnt: dict[str, _Learnt] = field(default_factory=dict)
    _first: dict[int, Targets] = field(default_factory=dict)

    def first(self, at: int, observations: Sequence[Observation]) -> Targets:
        """What was told at the moment `at`, the number of observations by then."""
        if at not in self._first:
            self._first = {at: Targets(observations[:at])}
        return self._first[at]

    def fit(
        self,
        name: str,
        sample: Sample,
        at: int,
        first: Callable[[], Sample],
        columns: Callable[[Sequence[Row]], Columns],
    ) -> Surrogate:
        """Parameters are learnt from what was told at the moment `at`, which is the `first` part of the sample."""
        groups = columns([]).group_count
        known = self._learnt.get(name)
        if known is None or (known.at, known.groups) != (at, groups):
            early = first()
            kept = _kept(early.gaps)
            learnt_from = early.of(kept)
            learner = Surrogate(columns(learnt_from.rows), learnt_from.losses, learnt_from.extra)
            unseen = np.delete(early.places, kept)
            known = self._learnt[name] = _Learnt(at, groups, learner.hyperparameters, unseen)
        seen = sample.of(np.flatnonzero(~np.isin(sample.places, known.unseen)))
        return Surrogate(columns(seen.rows), seen.losses, seen.extra, known.hyperparameters)


def _kept(gaps: Floats) -> NDArray[np.int64]:
    """The places of at most MOST observations: half of them nearest to the front, the others evenly from the rest."""
    if len(gaps) <= MOST:
        return np.arange(len(gaps))
    order = np.argsort(gaps, kind="stable")
    near, rest = order[: MOST // 2], order[MOST // 2 :]
    evenly = np.linspace(0, len(rest) - 1, MOST - len(near)).astype(np.int64)
    return np.sort(np.concatenate([near, rest[evenly]]))


def front_gaps(losses: Floats) -> Floats:
    """How far each (observations, losses) is behind the best first loss among those no worse in the other ones."""
    first, others = losses[:, 0], losses[:, 1:]
    if others.shape[1] == 1:
        # In order of the other loss, and of the first among equals, the best so far is the best beside it.
        order = np.lexsort((first, others[:, 0]))
        gaps = np.empty(len(first))
        gaps[order] = first[order] - np.minimum.accumulate(first[order])
        return gaps
    found: list[float] = []
    for place in range(len(first)):
        beside = (others <= others[place]).all(1)
        found.append(first[place] - first[beside].min())
    return np.array(found)
