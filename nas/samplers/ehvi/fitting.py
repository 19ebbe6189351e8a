"""The fit of surrogates: training sets, the losses' transform, and when hyperparameters are fitted again."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.samplers.ehvi.encoding import DesignMatrix, Row
from nas.samplers.ehvi.history import Observation
from nas.samplers.ehvi.kernel import Hyperparameters
from nas.samplers.ehvi.surrogate import Surrogate
from nas.samplers.ehvi.targets import Targets

Floats = NDArray[np.float64]

# Hyperparameters are fitted again when the observations have grown by this factor, or by this number. In between, new
# observations are all conditioned on, at the cost of the cube of their number.
REFIT_GROWTH, MAX_REFIT_STEP = 1.15, 64
FIRST_FIT_SIZE = 8
# Of more observations a fit takes the ones nearest to the front, and as many of the others.
MAX_OBSERVATIONS = 256


def fit_size(count: int) -> int:
    """Return how many of `count` observations hyperparameters are fitted to: those of the last scheduled fit.

    So a search that goes on after an interruption fits them to the same ones.
    """
    size = FIRST_FIT_SIZE
    while (following := min(math.ceil(size * REFIT_GROWTH), size + MAX_REFIT_STEP)) <= count:
        size = following
    return min(size, count)


class OutcomeTransform(NamedTuple):
    """The transform of losses to standard units, the half above the `median` logarithmic: how bad matters little.

    `good_range` is from the best tenth to the median.
    """

    median: float
    good_range: float
    mean: float
    sd: float

    @classmethod
    def fit(cls, losses: Floats) -> "OutcomeTransform":
        median = float(np.median(losses))
        good_range = max(median - float(np.quantile(losses, 0.1)), 1e-12)
        compressed = _compressed(losses, median, good_range)
        return cls(median, good_range, float(compressed.mean()), float(compressed.std()) or 1.0)

    def __call__(self, losses: Floats) -> Floats:
        scaled: Floats = (_compressed(losses, self.median, self.good_range) - self.mean) / self.sd
        return scaled


def _compressed(losses: Floats, median: float, good_range: float) -> Floats:
    excess = np.maximum(losses - median, 0.0)
    return np.minimum(losses, median) + good_range * np.log1p(excess / good_range)


class TrainingSet(NamedTuple):
    """Observations to fit a surrogate to: members, losses in standard units, noise variance besides the common one,
    distances behind the front, and positions in the order of observation.
    """

    rows: Sequence[Row]
    losses: Floats
    extra_noise: Floats
    gaps: Floats
    indices: NDArray[np.int64]

    @classmethod
    def uniform(cls, rows: Sequence[Row], losses: Floats) -> "TrainingSet":
        """Return observations in their order, without extra noise and all equally near to the front."""
        zeros = np.zeros(len(losses))
        return cls(rows, losses, zeros, zeros, np.arange(len(losses)))

    def first(self, count: int) -> "TrainingSet":
        return self.subset(np.arange(count))

    def subset(self, positions: NDArray[np.int64]) -> "TrainingSet":
        return TrainingSet(
            [self.rows[position] for position in positions.tolist()],
            self.losses[positions],
            self.extra_noise[positions],
            self.gaps[positions],
            self.indices[positions],
        )


@dataclass(frozen=True)
class _Fit:
    """Hyperparameters, the numbers of observations and of column groups at their fit, and the observations left out."""

    size: int
    group_count: int
    hyperparameters: Hyperparameters
    excluded: NDArray[np.int64]


@dataclass
class Surrogates:
    """The surrogates of one study by name, each with its last fit."""

    _fits: dict[str, _Fit] = field(default_factory=dict)
    _targets: dict[int, Targets] = field(default_factory=dict)

    def targets(self, size: int, observations: Sequence[Observation]) -> Targets:
        """Return the targets of the first `size` observations, as they were at the fit; the last ones are cached."""
        if size not in self._targets:
            self._targets = {size: Targets(observations[:size])}
        return self._targets[size]

    def fit(
        self,
        name: str,
        data: TrainingSet,
        size: int,
        fit_data: Callable[[], TrainingSet],
        design: Callable[[Sequence[Row]], DesignMatrix],
    ) -> Surrogate:
        """Return the surrogate given `data`, with hyperparameters fitted to the first `size` observations.

        `fit_data` returns these as they were at that number.
        """
        group_count = design([]).group_count
        fit = self._fits.get(name)
        if fit is None or (fit.size, fit.group_count) != (size, group_count):
            early = fit_data()
            selected = _select(early.gaps)
            chosen = early.subset(selected)
            fitted = Surrogate(design(chosen.rows), chosen.losses, chosen.extra_noise)
            excluded = np.delete(early.indices, selected)
            fit = self._fits[name] = _Fit(size, group_count, fitted.hyperparameters, excluded)
        used = data.subset(np.flatnonzero(~np.isin(data.indices, fit.excluded)))
        return Surrogate(design(used.rows), used.losses, used.extra_noise, fit.hyperparameters)


def _select(gaps: Floats) -> NDArray[np.int64]:
    """Return the positions of at most MAX_OBSERVATIONS: half nearest to the front, the others evenly from the rest."""
    if len(gaps) <= MAX_OBSERVATIONS:
        return np.arange(len(gaps))
    order = np.argsort(gaps, kind="stable")
    near, rest = order[: MAX_OBSERVATIONS // 2], order[MAX_OBSERVATIONS // 2 :]
    evenly = np.linspace(0, len(rest) - 1, MAX_OBSERVATIONS - len(near)).astype(np.int64)
    return np.sort(np.concatenate([near, rest[evenly]]))


def front_gaps(losses: Floats) -> Floats:
    """Return how far each observation's first loss is behind the best of those no worse in the others.

    `losses` is (observations, losses).
    """
    first, others = losses[:, 0], losses[:, 1:]
    if others.shape[1] == 1:
        # In order of the other loss, and of the first among equals, the running minimum is the best beside it.
        order = np.lexsort((first, others[:, 0]))
        gaps = np.empty(len(first))
        gaps[order] = first[order] - np.minimum.accumulate(first[order])
        return gaps
    return np.array([own - first[(others <= beside).all(1)].min() for own, beside in zip(first, others, strict=True)])
