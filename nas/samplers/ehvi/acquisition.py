"""What the trials so far tell of every candidate: the losses to expect, and the improvement of the front."""

import copy
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from nas.samplers.ehvi.box_decomposition import BoxDecomposition
from nas.samplers.ehvi.costs import Costs
from nas.samplers.ehvi.curves import evidence
from nas.samplers.ehvi.encoding import Columns, Encoding, Quantiles, Row
from nas.samplers.ehvi.fitting import FIRST, Sample, Scale, Surrogates, front_gaps, schedule
from nas.samplers.ehvi.history import History
from nas.samplers.ehvi.targets import Targets

Floats = NDArray[np.float64]


class Acquisition:
    """At one moment of a history with at least two complete trials, while `running` are on their way.

    `known` are the pool's columns of any members: costs, then features.
    """

    def __init__(
        self,
        encoding: Encoding,
        known: Callable[[Sequence[Row]], Floats],
        costs: Costs,
        models: Surrogates,
        history: History,
        running: Sequence[Row],
    ) -> None:
        self._encoding = encoding
        self._known = known
        self._costs = costs
        self._told = told = Targets(history.observations)
        # What is learnt by then stays until the next moment, also for a sampler that comes after it.
        at = max(schedule(len(history.observations)), told.places[:FIRST][-1] + 1)
        first = models.first(at, history.observations)
        self._scale = Scale.of(first.losses[:, 0])
        self._quantiles = self._quantiles_of(first.rows)
        points = self._points(told)
        sample = self._sample(told, points)
        best = np.flatnonzero(sample.gaps[: len(points)] <= 0)
        self.front = [told.rows[place] for place in best]
        self._to_beat = points[best]
        self._reference = tuple((points.max(0) + 1e-9).tolist())
        self._model = models.fit(
            "dear",
            sample,
            at,
            lambda: self._sample(first, self._points(first)),
            lambda rows: self._columns(rows, known(rows)),
        )
        if running:
            self._expect(running)
        self._staircase = self._stairs()

    def expecting(self, row: Row) -> "Acquisition":
        """The same when this member runs besides."""
        found = copy.copy(self)
        found._expect([row])
        found._staircase = found._stairs()
        return found

    def _expect(self, rows: Sequence[Row]) -> None:
        """What still runs is taken to come out as expected."""
        known = self._known(rows)
        columns = self._columns(rows, known)
        expected = self._model.predict(columns)[0]
        self._model = self._model.given(columns, expected)
        self._to_beat = np.vstack([self._to_beat, np.column_stack([expected, self._costs.of(rows, known)])])

    def _stairs(self) -> BoxDecomposition:
        return BoxDecomposition([tuple(point) for point in self._to_beat.tolist()], self._reference)

    def improvement(self, rows: Sequence[Row]) -> Floats:
        """Expected, of the hypervolume; where there is none, by how little is known. Beyond a limit it is below 0 by as
        much.

        Of what will be measured, noise and all, as what is to be beaten was.
        """
        known = self._known(rows)
        others = self._costs.of(rows, known)
        mean, deviation = self._model.predict(self._columns(rows, known))
        measured = np.sqrt(deviation**2 + self._model.noise)
        found = self._staircase.improvement(mean, measured, others) + 1e-9 * deviation
        excess = self._costs.excess(others)
        return np.where(excess > 0, -excess, found)

    def promise(self, row: Row, curve: Sequence[float]) -> float | None:
        """The improvement that a running trial promises by its curve of losses so far, as a share of the hypervolume.

        Of what will be measured, noise and all. None where curves tell nothing yet.
        """
        epoch = len(curve)
        complete, expensive = self._told.complete, self._told.losses[:, 0]
        through = [place for place, each in enumerate(complete) if len(each.curve) > epoch]
        early = np.array([complete[place].curve[epoch - 1] for place in through])
        told = evidence(curve[-1], early, self._scale(expensive[through]))
        if told is None:
            return None
        known = self._known([row])
        mean, deviation = self._model.predict(self._columns([row], known))
        before = deviation**2 + self._model.noise
        value, variance = told
        after = 1 / (1 / before + 1 / variance)
        expected = after * (mean / before + value / variance)
        improvement = self._staircase.improvement(expected, np.sqrt(after), self._costs.of([row], known))
        return float(improvement[0]) / max(self._staircase.volume, np.finfo(np.float64).tiny)

    def _points(self, told: Targets) -> Floats:
        """The complete trials' losses in standard units."""
        return np.column_stack([self._scale(told.losses[:, 0]), self._costs.bent(told.losses[:, 1:])])

    def _sample(self, told: Targets, points: Floats) -> Sample:
        """The complete trials, which are these points, then the stopped ones."""
        stopped = [self._scale(each.loss + each.deviation * np.array([-1.0, 0.0, 1.0])) for each in told.stopped]
        rows = [*told.rows, *(each.row for each in told.stopped)]
        return Sample(
            rows,
            np.array([*points[:, 0], *(middle for _, middle, _ in stopped)]),
            np.array([*np.zeros(len(points)), *(((high - low) / 2) ** 2 for low, _, high in stopped)]),
            np.array([*front_gaps(points), *[np.inf] * len(stopped)]),
            np.array([*told.places, *(each.place for each in told.stopped)]),
        )

    def _quantiles_of(self, rows: Sequence[Row]) -> list[tuple[int, Quantiles]]:
        """Of the pool's columns that are known of all of `rows`."""
        known = self._known(rows)
        return [(int(place), Quantiles(known[:, place])) for place in np.flatnonzero(np.isfinite(known).all(0))]

    def _columns(self, rows: Sequence[Row], known: Floats) -> Columns:
        chosen = self._encoding.columns(rows)
        values, groups, scales = [chosen.values], [chosen.groups], [chosen.scales]
        for number, (place, quantiles) in enumerate(self._quantiles, start=chosen.group_count):
            values.append(quantiles.columns(known[:, place]))
            groups.append(np.full(len(quantiles.scales), number))
            scales.append(quantiles.scales)
        return Columns(np.hstack(values), np.concatenate(groups), np.concatenate(scales), chosen.shares)
