"""The regions of objective space in which a search gains hypervolume.

The region of interest is the one that a user chooses from: networks that are more accurate than most random members of
the space, or than a stated least accuracy. Measured from the worst trial instead, a network of accuracy by chance at a
hundredth of the latency counts as much as the whole of that region, and searches spend half of their trials on such
networks. The whole front keeps a part, since a user may choose a faster network than the region has.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.results.pareto import Point
from nas.samplers.ehvi.box_decomposition import BoxDecomposition

Floats = NDArray[np.float64]
# The share of random members that the region of interest is better than, by their predicted accuracy.
INTEREST_QUANTILE = 0.6
# The shares of a trial's worth that are its gains in the region of interest and on the whole front.
INTEREST_WEIGHT, WHOLE_WEIGHT = 0.75, 0.25
# A front of no volume gains without bound.
MIN_VOLUME = 1e-9


class Region(NamedTuple):
    """The part of objective space that is better than `reference`, and the weight of relative gains there."""

    weight: float
    reference: Point


def regions(points: Floats, members: Floats, first_limit: float | None) -> list[Region]:
    """Return the region of interest, and the whole.

    `points` are the complete trials' losses and `members` the predicted ones of random members, both (n, k). With
    `first_limit`, the greatest acceptable first loss, that part alone counts.
    """
    slowest = np.maximum(points[:, 1:].max(0), members[:, 1:].max(0, initial=-np.inf))
    if first_limit is not None:
        return [Region(1.0, (first_limit, *slowest.tolist()))]
    first = float(np.quantile(members[:, 0] if len(members) else points[:, 0], 1 - INTEREST_QUANTILE))
    worst = (points.max(0) + 1e-9).tolist()
    return [Region(INTEREST_WEIGHT, (first, *slowest.tolist())), Region(WHOLE_WEIGHT, tuple(worst))]


class ExpectedGain:
    """The expected gain of hypervolume that candidates bring, as a share of the front's: the regions' weighted mean."""

    def __init__(self, front: Floats, regions: Sequence[Region]) -> None:
        points = [tuple(point) for point in front.tolist()]
        boxes = [(region.weight, BoxDecomposition(points, region.reference)) for region in regions]
        self._boxes = [(weight / max(part.volume, MIN_VOLUME), part) for weight, part in boxes]

    def __call__(self, mean: Floats, sd: Floats, others: Floats) -> Floats:
        """Return the gain of each candidate with a normal first loss and further losses (candidates, losses)."""
        gain = np.zeros(len(mean))
        for factor, part in self._boxes:
            gain += factor * part.improvement(mean, sd, others)
        return gain
