"""The probability that a network belongs to the front, given how well the accuracies are known."""

from collections.abc import Sequence

import numpy as np

from nas.results.pareto import Point

DRAWS, SEED = 2000, 0


def front_probabilities(losses: Sequence[Point], standard_errors: Sequence[float]) -> list[float]:
    """Return for each network the probability that no other one dominates it.

    `losses` have the accuracy's last, which is normally distributed with the standard error; costs are exact.
    """
    if not losses:
        return []
    points, errors = np.array(losses, float), np.array(standard_errors, float)
    noise = np.random.default_rng(SEED).standard_normal((DRAWS, len(points)))
    drawn = points[:, -1] + noise * errors
    probabilities = []
    for index, point in enumerate(points):
        is_rival = (points[:, :-1] <= point[:-1]).all(1)
        is_rival[index] = False
        is_dominated = (drawn[:, is_rival] <= drawn[:, [index]]).any(1)
        probabilities.append(float(1 - is_dominated.mean()))
    return probabilities
