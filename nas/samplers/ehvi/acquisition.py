"""The acquisition function: the expected improvement of the front's hypervolume by each candidate."""

import copy
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from nas.samplers.ehvi.costs import Costs
from nas.samplers.ehvi.curves import calibrated_estimate
from nas.samplers.ehvi.encoding import DesignMatrix, Encoding, QuantileBins, Row
from nas.samplers.ehvi.fitting import FIRST_FIT_SIZE, OutcomeTransform, Surrogates, TrainingSet, fit_size, front_gaps
from nas.samplers.ehvi.history import History
from nas.samplers.ehvi.regions import ExpectedGain, Region, regions
from nas.samplers.ehvi.targets import Targets

Floats = NDArray[np.float64]


class Acquisition:
    """The acquisition at one moment of a history with at least two complete trials, while `pending` members run.

    `metrics` returns the pool's metrics of any members: costs, then features. By random `members` the region of
    interest is known (nas.samplers.ehvi.regions).
    """

    def __init__(
        self,
        encoding: Encoding,
        metrics: Callable[[Sequence[Row]], Floats],
        costs: Costs,
        surrogates: Surrogates,
        history: History,
        pending: Sequence[Row],
        members: Sequence[Row] = (),
    ) -> None:
        self._encoding = encoding
        self._metrics = metrics
        self._costs = costs
        self._targets = targets = Targets(history.observations)
        # What is fitted at this size stays until the next one, also for a sampler that starts later.
        size = max(fit_size(len(history.observations)), targets.indices[:FIRST_FIT_SIZE][-1] + 1)
        early = surrogates.targets(size, history.observations)
        self._transform = OutcomeTransform.fit(early.losses[:, 0])
        self._bins = self._quantile_bins(early.rows)
        points = self._points(targets)
        data = self._training_set(targets, points)
        best = np.flatnonzero(data.gaps[: len(points)] <= 0)
        self.front = [targets.rows[index] for index in best]
        self._front_points = points[best]
        self._surrogate = surrogates.fit(
            "expensive",
            data,
            size,
            lambda: self._training_set(early, self._points(early)),
            lambda rows: self._design(rows, metrics(rows)),
        )
        self.regions = regions(points, self._predicted(members), self._first_limit())
        if pending:
            self._condition(pending)
        self._gain = self._expected_gain()

    def in_regions(self, regions: Sequence[Region]) -> "Acquisition":
        """Return the acquisition of gains in other regions."""
        other = copy.copy(self)
        other.regions = list(regions)
        other._gain = other._expected_gain()
        return other

    def with_pending(self, row: Row) -> "Acquisition":
        """Return the acquisition with one more pending member."""
        other = copy.copy(self)
        other._condition([row])
        other._gain = other._expected_gain()
        return other

    def _condition(self, rows: Sequence[Row]) -> None:
        """Condition on pending members as if they came out at their mean (Kriging believer)."""
        metrics = self._metrics(rows)
        design = self._design(rows, metrics)
        mean = self._surrogate.predict(design)[0]
        self._surrogate = self._surrogate.condition(design, mean)
        self._front_points = np.vstack(
            [self._front_points, np.column_stack([mean, self._costs.predict(rows, metrics)])]
        )

    def _predicted(self, members: Sequence[Row]) -> Floats:
        """Return the predicted losses of those members that keep the limits (members, losses)."""
        metrics = self._metrics(members)
        costs = self._costs.predict(members, metrics)
        losses = np.column_stack([self._surrogate.mean(self._design(members, metrics)), costs])
        is_allowed = (self._costs.violation(costs) == 0) & np.isfinite(costs).all(1)
        allowed: Floats = losses[is_allowed]
        return allowed

    def _first_limit(self) -> float | None:
        """Return the limit of the expensive loss in standard units."""
        limit = self._costs.first_limit
        return None if limit is None else float(self._transform(np.array([limit]))[0])

    def _expected_gain(self) -> ExpectedGain:
        return ExpectedGain(self._front_points, self.regions)

    def improvement(self, rows: Sequence[Row]) -> Floats:
        """Return the expected gain of each member, with ties broken by the surrogate's uncertainty.

        Beyond a limit it is minus the violation. It is the gain of what will be measured, noise included, as the front
        was measured.
        """
        metrics = self._metrics(rows)
        costs = self._costs.predict(rows, metrics)
        mean, sd = self._surrogate.predict(self._design(rows, metrics))
        measured_sd = np.sqrt(sd**2 + self._surrogate.noise)
        improvement = self._gain(mean, measured_sd, costs) + 1e-9 * sd
        violation = self._costs.violation(costs)
        return np.where(violation > 0, -violation, improvement)

    def expected_gain(self, row: Row, curve: Sequence[float]) -> float | None:
        """Return a running trial's expected gain, given its losses so far.

        It is the gain of what will be measured, noise included. None where curves predict nothing yet.
        """
        epoch = len(curve)
        complete, expensive = self._targets.complete, self._targets.losses[:, 0]
        longer = [index for index, observation in enumerate(complete) if len(observation.curve) > epoch]
        early = np.array([complete[index].curve[epoch - 1] for index in longer])
        estimate = calibrated_estimate(curve[-1], early, self._transform(expensive[longer]))
        if estimate is None:
            return None
        metrics = self._metrics([row])
        mean, sd = self._surrogate.predict(self._design([row], metrics))
        prior_variance = sd**2 + self._surrogate.noise
        value, variance = estimate
        posterior_variance = 1 / (1 / prior_variance + 1 / variance)
        posterior_mean = posterior_variance * (mean / prior_variance + value / variance)
        costs = self._costs.predict([row], metrics)
        return float(self._gain(posterior_mean, np.sqrt(posterior_variance), costs)[0])

    def _points(self, targets: Targets) -> Floats:
        """Return the complete trials' losses in standard units, (trials, objectives)."""
        return np.column_stack([self._transform(targets.losses[:, 0]), self._costs.transform(targets.losses[:, 1:])])

    def _training_set(self, targets: Targets, points: Floats) -> TrainingSet:
        """Return the complete trials, whose losses are `points`, then the stopped ones."""
        interval = np.array([-1.0, 0.0, 1.0])
        stopped = [self._transform(target.loss + target.sd * interval) for target in targets.stopped]
        return TrainingSet(
            [*targets.rows, *(target.row for target in targets.stopped)],
            np.array([*points[:, 0], *(middle for _, middle, _ in stopped)]),
            np.array([*np.zeros(len(points)), *(((high - low) / 2) ** 2 for low, _, high in stopped)]),
            np.array([*front_gaps(points), *[np.inf] * len(stopped)]),
            np.array([*targets.indices, *(target.position for target in targets.stopped)]),
        )

    def _quantile_bins(self, rows: Sequence[Row]) -> list[tuple[int, QuantileBins]]:
        """Return the bins of each metric that is known of all `rows`, with the metric's index."""
        metrics = self._metrics(rows)
        return [(int(index), QuantileBins(metrics[:, index])) for index in np.flatnonzero(np.isfinite(metrics).all(0))]

    def _design(self, rows: Sequence[Row], metrics: Floats) -> DesignMatrix:
        """Return the choices' columns and, as further groups, the binned metrics'."""
        choices = self._encoding.design(rows)
        values, groups, scales = [choices.values], [choices.groups], [choices.scales]
        for group, (index, bins) in enumerate(self._bins, start=choices.group_count):
            values.append(bins.columns(metrics[:, index]))
            groups.append(np.full(len(bins.scales), group))
            scales.append(bins.scales)
        return DesignMatrix(np.hstack(values), np.concatenate(groups), np.concatenate(scales), choices.shares)
