"""The covariance of members' losses, from the choices in which they differ.

k(x, y) = signal * exp(-distance(x, y)) + shares * s_x . s_y. The distance is a weighted count of differing choices
(Hutter, 2009), so that the first term holds main effects, pairs and higher interactions; a weight for each group
of columns tells how much it matters. The second term is linear in how often each option is chosen: a dozen trials tell
that much (from 12 random members of hybrid, accuracies of others are predicted with a tau of .44 by both terms and of
.33 by the first alone).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.samplers.ehvi.encoding import DesignMatrix

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Hyperparameters:
    """Logarithms: each group's weight, and the variances of the signal, of the linear term and of the noise."""

    log_weights: Floats
    log_signal: float
    log_shares: float
    log_noise: float


class Kernel:
    """The kernel without noise, for design matrices with these groups and scales."""

    def __init__(self, hyperparameters: Hyperparameters, groups: NDArray[np.int64], scales: Floats) -> None:
        self._weights = np.exp(hyperparameters.log_weights)[groups] * scales
        self._signal = math.exp(hyperparameters.log_signal)
        self._shares = math.exp(hyperparameters.log_shares)

    def __call__(self, a: DesignMatrix, b: DesignMatrix) -> Floats:
        """Return the covariance of each member of `a` with each of `b`: (a's members, b's members)."""
        covariance = hamming_kernel(a.values, b.values, self._weights)
        covariance *= self._signal
        covariance += (self._shares * a.shares) @ b.shares.T
        return covariance

    def variance(self, a: DesignMatrix) -> Floats:
        """Return the prior variance of each member."""
        variance: Floats = self._signal + self._shares * (a.shares**2).sum(1)
        return variance


def hamming_kernel(a: Floats, b: Floats, weights: Floats) -> Floats:
    """Return exp(-distance), the weighted count of the columns in which rows of `a` and `b` differ: (a's, b's rows)."""
    weighted = a * weights
    # -|x - y| of zeros and ones is 2xy - x - y, here as one product: the matrix is large and the rows are short.
    left = np.hstack([2.0 * weighted, -weighted.sum(1, keepdims=True), -np.ones((len(a), 1))])
    right = np.hstack([b, np.ones((len(b), 1)), (b @ weights)[:, None]])
    product: Floats = left @ right.T
    return np.exp(product, out=product)
