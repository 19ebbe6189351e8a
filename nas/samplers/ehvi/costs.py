"""The cheap objectives of every candidate: known, or else predicted from trials; and their limits."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.samplers.ehvi.encoding import Encoding, Row
from nas.samplers.ehvi.fitting import Surrogates, TrainingSet, fit_size
from nas.samplers.ehvi.history import History
from nas.samplers.ehvi.surrogate import Surrogate

Floats = NDArray[np.float64]
# Fewer observations predict nothing.
MIN_OBSERVATIONS = 2


@dataclass(frozen=True)
class KnownCosts:
    """The cheap objectives that the pool's first metrics give (features follow), and limits of objectives.

    Both are by the objective's index among the cheap ones. `expensive_limit` is the expensive one's.
    """

    indices: Sequence[int] = ()
    limits: Mapping[int, float] = field(default_factory=dict)
    expensive_limit: float | None = None


class _CostSurrogate(NamedTuple):
    """A surrogate of a cost in units of `sd` from `mean`."""

    mean: float
    sd: float
    surrogate: Surrogate


class Costs:
    """The cheap losses at one moment of a history: logarithms where all values so far are above 0."""

    def __init__(self, encoding: Encoding, known: KnownCosts, surrogates: Surrogates, history: History) -> None:
        self._encoding = encoding
        self._known = known
        self._surrogates = surrogates
        self._observations = history.observations
        self._signs = history.signs[1:]
        limit = known.expensive_limit
        # The greatest acceptable loss of the expensive objective.
        self.first_limit = None if limit is None else float(history.signs[0] * limit)
        self._logarithmic = history.is_positive[1:]

    def predict(self, rows: Sequence[Row], metrics: Floats, optimism: float = 0.0) -> Floats:
        """Return (members, losses): from the pool's `metrics`, or else predicted; NaN where neither is possible.

        Predictions are lowered by `optimism` standard deviations.
        """
        indices = list(self._known.indices)
        losses = np.full((len(rows), len(self._signs)), np.nan)
        losses[:, indices] = metrics[:, : len(indices)] * self._signs[indices]
        losses = self.transform(losses)
        for index in np.flatnonzero(np.isnan(losses).any(0)):
            if (fitted := self._fitted[index]) is not None:
                unknown = np.isnan(losses[:, index])
                mean, sd = fitted.surrogate.predict(self._encoding.design(list(compress(rows, unknown))))
                losses[unknown, index] = fitted.mean + fitted.sd * (mean - optimism * sd)
        return losses

    def transform(self, losses: Floats) -> Floats:
        """Return the logarithms of costs above 0, which compare by their ratios."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self._logarithmic, np.log(losses), losses)

    def violation(self, losses: Floats) -> Floats:
        """Return how far transformed losses exceed the limits in sum, 0 where they keep them or are unknown."""
        violation = np.zeros(len(losses))
        for index, limit in self._known.limits.items():
            bound = limit
            if self._logarithmic[index]:
                # No value above 0 keeps a limit that is not above 0.
                bound = math.log(limit) if limit > 0 else -math.inf
            violation += np.nan_to_num(np.maximum(losses[:, index] - bound, 0.0))
        return violation

    @cached_property
    def _fitted(self) -> list[_CostSurrogate | None]:
        return [self._fit(index) for index in range(len(self._signs))]

    def _fit(self, index: int) -> _CostSurrogate | None:
        observations = [seen for seen in self._observations if np.isfinite(seen.losses[1 + index])]
        if len(observations) < MIN_OBSERVATIONS:
            return None
        losses = self.transform(np.array([observation.losses[1:] for observation in observations]))[:, index]
        size = fit_size(len(observations))
        mean, sd = float(losses[:size].mean()), float(losses[:size].std()) or 1.0
        data = TrainingSet.uniform([observation.row for observation in observations], (losses - mean) / sd)
        fit_data = partial(data.first, size)
        return _CostSurrogate(
            mean, sd, self._surrogates.fit(f"cost {index}", data, size, fit_data, self._encoding.design)
        )
