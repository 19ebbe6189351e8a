"""The cheap objectives of every candidate: as they are known, or else as trials foretell them; and their limits."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from nas.samplers.ehvi.encoding import Encoding, Row
from nas.samplers.ehvi.fitting import Sample, Surrogates, schedule
from nas.samplers.ehvi.history import History
from nas.samplers.ehvi.surrogate import Surrogate

Floats = NDArray[np.float64]
# Of fewer observations nothing is foretold.
FEWEST = 2


@dataclass(frozen=True)
class Known:
    """What the pool's columns are: costs, by their places among the objectives behind the dear one; then features.

    `limits` are by the same places.
    """

    places: Sequence[int] = ()
    limits: Mapping[int, float] = field(default_factory=dict)


class Costs:
    """At one moment of a history: the losses behind the dear one, logarithms where all of them so far are above 0."""

    def __init__(self, encoding: Encoding, known: Known, models: Surrogates, history: History) -> None:
        self._encoding = encoding
        self._known = known
        self._models = models
        self._observations = history.observations
        self._signs = history.signs[1:]
        self._logarithmic = history.is_positive[1:]

    def of(self, rows: Sequence[Row], known: Floats, hope: float = 0.0) -> Floats:
        """(members, losses): by the pool's columns `known`, or else as expected of them; NaN where nothing is told.

        What is expected is lower by so many deviations as there is `hope`.
        """
        places = list(self._known.places)
        found = np.full((len(rows), len(self._signs)), np.nan)
        found[:, places] = known[:, : len(places)] * self._signs[places]
        found = self.bent(found)
        for place in np.flatnonzero(np.isnan(found).any(0)):
            if (learnt := self._learnt[place]) is not None:
                middle, spread, model = learnt
                unknown = np.isnan(found[:, place])
                columns = self._encoding.columns(list(compress(rows, unknown)))
                mean, deviation = model.predict(columns)
                found[unknown, place] = middle + spread * (mean - hope * deviation)
        return found

    def bent(self, losses: Floats) -> Floats:
        """Costs above 0 are compared by their ratios."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self._logarithmic, np.log(losses), losses)

    def excess(self, losses: Floats) -> Floats:
        """How far such losses are over the limits, 0 where they are within them, as far as is known."""
        found = np.zeros(len(losses))
        for place, limit in self._known.limits.items():
            most = limit
            if self._logarithmic[place]:
                # Nothing that is above 0 is within a limit that is not.
                most = math.log(limit) if limit > 0 else -math.inf
            found += np.nan_to_num(np.maximum(losses[:, place] - most, 0.0))
        return found

    @cached_property
    def _learnt(self) -> list[tuple[float, float, Surrogate] | None]:
        """For each loss its mean, its deviation and the process that learns it in these units."""
        return [self._learn(place) for place in range(len(self._signs))]

    def _learn(self, place: int) -> tuple[float, float, Surrogate] | None:
        seen = [each for each in self._observations if np.isfinite(each.losses[1 + place])]
        if len(seen) < FEWEST:
            return None
        values = self.bent(np.array([each.losses[1:] for each in seen]))[:, place]
        at = schedule(len(seen))
        middle, spread = float(values[:at].mean()), float(values[:at].std()) or 1.0
        sample = Sample.certain([each.row for each in seen], (values - middle) / spread)
        model = self._models.fit(f"cost {place}", sample, at, partial(sample.first, at), self._encoding.columns)
        return middle, spread, model
