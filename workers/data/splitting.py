"""Splits of a data set's pictures into those to train on and those that are held out, by a seed.

Where a class is rare a random split may leave it out of one of the two: such a split is stratified by class. Others are
random permutations, as all splits of earlier versions are.
"""

import numpy as np
from numpy.typing import NDArray

# The share of the pictures that is held out where there are few.
HELD_OUT_FRACTION = 0.2
# A random split is far from a class's share where fewer of its pictures than this are expected to be held out: the
# standard error of their number is then more than a fifth of it.
MIN_HELD_OUT_OF_CLASS = 20

Indices = NDArray[np.int64]


def split_indices(
    labels: Indices, held_out: int, seed: int, fold: int = 0, *, stratify: bool = True
) -> tuple[Indices, Indices]:
    """Split pictures of these labels by the seed: indices to train on, and `held_out` to validate on, disjoint by fold.

    With `stratify` a split of rare classes is stratified: of each class with two pictures or more at least one
    validates in the first fold, if `held_out` has room for all classes, and at least one trains.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    first, end = fold * held_out, (fold + 1) * held_out
    if not (stratify and has_rare_class(labels, held_out)):
        return np.concatenate((order[end:], order[:first])), order[first:end]
    order = _interleaved(labels, order)
    # Backwards: as the first pictures hold some of each class, so do the last, with which the training part begins.
    return np.concatenate((order[:first], order[end:]))[::-1], order[first:end]


def has_rare_class(labels: Indices, held_out: int) -> bool:
    """Whether fewer than MIN_HELD_OUT_OF_CLASS pictures of some class are expected among those held out, or would be
    in a fifth of all.
    """
    _, counts = np.unique(labels, return_counts=True)
    share = min(held_out / len(labels), HELD_OUT_FRACTION)
    return held_out > 0 and bool(counts.min() * share < MIN_HELD_OUT_OF_CLASS)


def _interleaved(labels: Indices, order: Indices) -> Indices:
    """Reorder so that any stretch has each class by its share: a class's pictures are spread evenly from end to end.

    The first picture of each class comes first and its last one last; a single one is last.
    """
    places = np.ones(len(order))
    ordered = labels[order]
    by_class = np.argsort(ordered, kind="stable")
    for members in np.split(by_class, 1 + np.flatnonzero(np.diff(ordered[by_class]))):
        if len(members) > 1:
            places[members] = np.linspace(0.0, 1.0, len(members))
    return order[np.argsort(places, kind="stable")]
