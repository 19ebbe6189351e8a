"""Which members of a front can be told apart, when accuracies are known only as well as a few seeds tell them.

A front is a claim: that its members would be on it again. What differs by less than seeds do makes no such claim.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from nas.pareto import Point, hypervolume

# So many of a front's members are expected to be on it still if all of them were trained again.
STAYING = 0.9


def told_apart(losses: Sequence[Point], trained_again: Sequence[float], worst: Point) -> list[int]:
    """Indices into `losses`, of which there is one at least, non-dominated and with 1 - accuracy last; in their order.

    If all were trained again each accuracy would be about as far from what it is now as `trained_again` says (standard
    deviations). As long as fewer than STAYING of the members are expected to stay then, the pair of which it is least
    clear that the dearer one is more accurate loses the one that adds less to the hypervolume, which is taken from
    `worst`. What nothing is as cheap as stays.
    """
    costs, errors = np.array(losses)[:, :-1], np.array(losses)[:, -1]
    is_as_cheap = (costs[:, None] <= costs[None]).all(2) & ~np.eye(len(losses), dtype=bool)
    gains = errors[:, None] - errors
    doubts = np.hypot.outer(trained_again, trained_again)
    # That the column's member is more accurate than the row's, which is as cheap.
    likely = np.where(is_as_cheap & (doubts > 0), ndtr(gains / np.where(doubts > 0, doubts, 1.0)), 1.0)
    kept = list(range(len(losses)))
    while (among := likely[np.ix_(kept, kept)]).prod(0).mean() < STAYING:
        pair = [kept[place] for place in np.unravel_index(among.argmin(), among.shape)]
        left = [[each for each in kept if each != out] for out in pair if likely[kept, out].min() < 1]
        kept = max(left, key=lambda members: hypervolume([losses[each] for each in members], worst))
    return kept
