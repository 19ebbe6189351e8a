"""Hypervolumes of simulated searches, as shares of the best possible one on their table."""

import math
from collections.abc import Mapping, Sequence

from nas.errors import ParameterError
from nas.objective import ACCURACY, LATENCY
from nas.results.pareto import Point, dominates, hypervolume
from nas.simulation.replay_options import ReplayOptions
from nas.simulation.table import Table


class HypervolumeScale:
    """Hypervolume on a table from a reference point, in units of the best possible one.

    `reference` is (error, latency_ms) and `best` the best possible hypervolume. With the table's worst as reference
    `best` may be 0, if rows are few or all equally good; every share is 1 then. Raises ParameterError if no row is
    better than a requested reference point.
    """

    def __init__(self, table: Table, options: ReplayOptions) -> None:
        self._is_logarithmic = options.log_latency
        self._further_objectives = [name for name in table.objectives if name not in (ACCURACY.name, LATENCY.name)]
        self._points = [self._point(row.figures) for row in table.rows]
        limit_ms = math.inf if options.max_latency_ms is None else options.max_latency_ms
        allowed = [
            (row, point)
            for row, point in zip(table.rows, self._points, strict=True)
            if row.figures[LATENCY.name] <= limit_ms
        ]
        worst = tuple(max(column) for column in zip(*(point for _, point in allowed), strict=True))
        self.reference = options.reference or (
            worst[0] if options.min_accuracy is None else 1 - options.min_accuracy,
            max(row.figures[LATENCY.name] for row, _ in allowed),
        )
        self._reference_point = (*self._scaled(*self.reference), *worst[2:])
        self.best = hypervolume([point for _, point in allowed], self._reference_point)
        if self.best <= 0 and options.reference is not None:
            text = ",".join(f"{value:g}" for value in options.reference)
            raise ParameterError(f"--reference {text}: no row of table {table.name!r} is better in every objective")

    def course(self, rows: Sequence[int | None]) -> tuple[float, ...]:
        """Compute the share of the best possible hypervolume after each trial.

        `rows` has the index of each trial's row, None where the trial has no final accuracy.
        """
        front: list[Point] = []
        share = 0.0 if self.best > 0 else 1.0
        course = []
        for row in rows:
            point = None if row is None else self._points[row]
            if point is not None and not any(dominates(other, point) for other in front):
                front = [other for other in front if not dominates(point, other)] + [point]
                share = hypervolume(front, self._reference_point) / self.best if self.best > 0 else 1.0
            course.append(share)
        return tuple(course)

    def _point(self, figures: Mapping[str, float]) -> Point:
        """Return error, latency and the further objectives as a point, all minimised."""
        error_and_latency = self._scaled(1.0 - figures[ACCURACY.name], figures[LATENCY.name])
        return (*error_and_latency, *(figures[name] for name in self._further_objectives))

    def _scaled(self, error: float, latency_ms: float) -> Point:
        return error, math.log(latency_ms) if self._is_logarithmic else latency_ms


def shares_at_parts(course: Sequence[float], budget: int) -> tuple[float, float, float]:
    """Return the shares after a quarter, half and all of the budget; after the last trial if there are fewer."""
    quarter, half, whole = (
        course[min(len(course), math.ceil(budget * part)) - 1] if course else 0.0 for part in (0.25, 0.5, 1.0)
    )
    return quarter, half, whole
