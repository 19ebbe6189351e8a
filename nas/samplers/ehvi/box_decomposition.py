"""Expected hypervolume improvement where the first loss is uncertain and the others are known.

The front is a staircase over the known losses: in each cell of the grid that its points make, the loss to beat is that
of the best point which is no worse in the others. A candidate's expected improvement is the volume that it would cut
off, cell by cell: the part of the cell that it could claim, times the expected improvement on the loss to beat there
(Emmerich et al., 2006, for one normal variable).
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from nas.results.pareto import Point, hypervolume, non_dominated

Floats = NDArray[np.float64]
# Of more cells than that some of the front's points are left out; candidates are looked at some at a time, so that what
# is worked out for each cell fits in memory.
MAX_CELLS, AT_ONCE = 40_000, 4_000_000


class BoxDecomposition:
    """Of points (first loss, others...), all to be minimised; what is beyond `reference` counts nothing."""

    def __init__(self, points: Sequence[Point], reference: Point) -> None:
        inside = [point for point in points if all(x < r for x, r in zip(point, reference, strict=True))]
        inside = [inside[index] for index in non_dominated(inside)]
        self._front, self._reference = inside, reference
        inside = _thinned(inside, len(reference) - 1)
        edges = [sorted({limit, *(point[axis] for point in inside)}) for axis, limit in enumerate(reference) if axis]
        # Below the first edge there is nothing to beat but the reference.
        self._edges = [np.array([-np.inf, *edge]) for edge in edges]
        lows = np.array(list(product(*([-np.inf, *edge[:-1]] for edge in edges))))
        front = np.array(inside).reshape(len(inside), len(reference))
        beside = (front[None, :, 1:] <= lows[:, None]).all(2)
        losses = np.where(beside, front[:, 0], reference[0]).min(1, initial=reference[0])
        self._to_beat, self._cells = np.unique(losses, return_inverse=True)

    @cached_property
    def volume(self) -> float:
        """The hypervolume."""
        return hypervolume(self._front, self._reference)

    def improvement(self, mean: Floats, deviation: Floats, others: Floats) -> Floats:
        """Of each candidate with a normal first loss; `others` is (candidates, further losses)."""
        step = max(1, AT_ONCE // len(self._cells))
        parts = range(0, max(1, len(mean)), step)
        return np.concatenate(
            [self._improvement(*(of[begin : begin + step] for of in (mean, deviation, others))) for begin in parts]
        )

    def _improvement(self, mean: Floats, deviation: Floats, others: Floats) -> Floats:
        gaps = (self._to_beat - mean[:, None]) / deviation[:, None]
        expected = deviation[:, None] * (gaps * ndtr(gaps) + np.exp(-0.5 * gaps**2) / np.sqrt(2 * np.pi))
        parts = np.ones((len(mean), 1))
        for axis, edges in enumerate(self._edges):
            sides = np.maximum(edges[1:] - np.maximum(edges[:-1], others[:, axis, None]), 0.0)
            parts = (parts[:, :, None] * sides[:, None, :]).reshape(len(mean), -1)
        volumes: Floats = np.einsum("ij,ij->i", parts, expected[:, self._cells])
        return volumes


def _thinned(front: list[Point], axes: int) -> list[Point]:
    """As many points, evenly by the first loss, as make MOST_CELLS with so many further losses."""
    most = max(2, int(MAX_CELLS ** (1 / axes)) - 1)
    if len(front) <= most:
        return front
    ordered = sorted(front)
    return [ordered[place] for place in np.linspace(0, len(front) - 1, most).astype(int)]
