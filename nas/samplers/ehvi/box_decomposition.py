"""Expected hypervolume improvement where the first loss is uncertain and the others are known.

The region that the front does not dominate is decomposed into boxes. The front's points span a grid over the known
losses; in each cell of it the loss to beat is that of the best point which is no worse in the others. A candidate's
expected improvement is the volume that it would gain, summed over cells: the part of the cell that it could claim,
times the expected improvement on the loss to beat there (Emmerich et al., 2006, for one normal variable).
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from nas.results.pareto import Point, hypervolume, non_dominated

Floats = NDArray[np.float64]
# Beyond this number of cells the front is thinned. Candidates are evaluated in chunks of (candidates x cells), so that
# the intermediate results fit in memory.
MAX_CELLS, MAX_CHUNK = 40_000, 4_000_000


class BoxDecomposition:
    """The boxes over points (first loss, others...), all to be minimised, up to the `reference` point."""

    def __init__(self, points: Sequence[Point], reference: Point) -> None:
        front = [point for point in points if all(x < r for x, r in zip(point, reference, strict=True))]
        front = [front[index] for index in non_dominated(front)]
        self._front, self._reference = front, reference
        front = _thinned(front, len(reference) - 1)
        edges = [sorted({limit, *(point[axis] for point in front)}) for axis, limit in enumerate(reference) if axis]
        # Below the first edge there is nothing to beat but the reference.
        self._edges = [np.array([-np.inf, *edge]) for edge in edges]
        lower = np.array(list(product(*([-np.inf, *edge[:-1]] for edge in edges))))
        losses = np.array(front).reshape(len(front), len(reference))
        is_no_worse = (losses[None, :, 1:] <= lower[:, None]).all(2)
        to_beat = np.where(is_no_worse, losses[:, 0], reference[0]).min(1, initial=reference[0])
        self._to_beat, self._cells = np.unique(to_beat, return_inverse=True)

    @cached_property
    def volume(self) -> float:
        """The hypervolume of the front."""
        return hypervolume(self._front, self._reference)

    def improvement(self, mean: Floats, sd: Floats, others: Floats) -> Floats:
        """Return the expected improvement of each candidate with a normal first loss.

        `others` are the further losses (candidates, losses).
        """
        chunk = max(1, MAX_CHUNK // len(self._cells))
        starts = range(0, max(1, len(mean)), chunk)
        return np.concatenate(
            [self._improvement(*(values[start : start + chunk] for values in (mean, sd, others))) for start in starts]
        )

    def _improvement(self, mean: Floats, sd: Floats, others: Floats) -> Floats:
        z = (self._to_beat - mean[:, None]) / sd[:, None]
        expected = sd[:, None] * (z * ndtr(z) + np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi))
        cell_volumes = np.ones((len(mean), 1))
        for axis, edges in enumerate(self._edges):
            sides = np.maximum(edges[1:] - np.maximum(edges[:-1], others[:, axis, None]), 0.0)
            cell_volumes = (cell_volumes[:, :, None] * sides[:, None, :]).reshape(len(mean), -1)
        volumes: Floats = np.einsum("ij,ij->i", cell_volumes, expected[:, self._cells])
        return volumes


def _thinned(front: list[Point], axes: int) -> list[Point]:
    """Keep as many points as give MAX_CELLS cells with `axes` further losses, evenly by the first loss."""
    max_points = max(2, int(MAX_CELLS ** (1 / axes)) - 1)
    if len(front) <= max_points:
        return front
    ordered = sorted(front)
    return [ordered[index] for index in np.linspace(0, len(front) - 1, max_points).astype(int)]
