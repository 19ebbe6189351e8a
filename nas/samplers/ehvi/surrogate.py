"""A Gaussian process over categorical choices: what trials tell about all the other members.

The kernel is exp(-distance), with a weighted count of differing choices for the distance (Hutter, 2009), which holds
main effects, pairs and higher interactions alike; a weight for each group of columns tells how much it matters. To it
a linear one is added, of how often each option is taken: of a dozen trials that is what can be told (of 12 random
members of hybrid, accuracies of others are foretold with a tau of .44 by both kernels and of .33 by the first alone).
Weights, variances and noise are where the posterior is greatest (Rasmussen and Williams, 2006, equation 5.9, with
priors).
"""

import copy
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky
from scipy.linalg.blas import dtrmm
from scipy.linalg.lapack import dtrtri
from scipy.optimize import minimize

from nas.samplers.ehvi.encoding import Columns

Floats = NDArray[np.float64]
# Of the logarithms' normal priors: middle and spread of the weights' sum, and of the variances of the signal, of what
# shares add to it, and of the noise: none in a table that is made up, a third and more in short trainings.
WEIGHTS = (math.log(1.5), 1.2)
SIGNAL = (0.0, 1.0)
SHARES = (0.0, 1.5)
NOISE = (math.log(0.01), 2.5)
# Bounds on every logarithm.
LEAST, MOST = math.log(1e-4), math.log(1e2)
STEPS = 25


@dataclass(frozen=True)
class Hyperparameters:
    """Logarithms: each group's weight, and the variances of the signal, of what shares add to it and of the noise."""

    weights: Floats
    signal: float
    shares: float
    noise: float


def similarities(a: Floats, b: Floats, weights: Floats) -> Floats:
    """exp(-distance) by the weighted count of the columns in which rows of `a` and `b` differ: (a's rows, b's rows)."""
    weighted = a * weights
    # -|x - y| of zeros and ones is 2xy - x - y, here as one product: the matrix is large and the rows are short.
    left = np.hstack([2.0 * weighted, -weighted.sum(1, keepdims=True), -np.ones((len(a), 1))])
    right = np.hstack([b, np.ones((len(b), 1)), (b @ weights)[:, None]])
    found: Floats = left @ right.T
    return np.exp(found, out=found)


class Surrogate:
    """The process, given the standardised `values` of some members.

    `extra` is further noise variance of each of them, besides the `noise` of all. With `hyperparameters` None they are
    learnt.
    """

    def __init__(
        self, columns: Columns, values: Floats, extra: Floats, hyperparameters: Hyperparameters | None = None
    ) -> None:
        self._columns = columns
        self._values = values
        self.hyperparameters = hyperparameters or _learnt(columns, values, extra)
        self._weights = np.exp(self.hyperparameters.weights)[columns.groups] * columns.scales
        self._signal = math.exp(self.hyperparameters.signal)
        self._shares = math.exp(self.hyperparameters.shares)
        self.noise = math.exp(self.hyperparameters.noise)
        covariance = self._across(columns, columns)
        covariance[np.diag_indices_from(covariance)] += self.noise + extra + 1e-8
        self._whitening = _inverse_root(covariance)
        self._solved = self._whitening.T @ (self._whitening @ values)

    def predict(self, columns: Columns) -> tuple[Floats, Floats]:
        """Mean and standard deviation, without the noise, of each member."""
        across = self._across(columns, self._columns)
        mean = across @ self._solved
        white = self._whitened(across)
        before = self._signal + self._shares * (columns.shares**2).sum(1)
        left = before - np.einsum("ij,ij->j", white, white)
        return mean, np.sqrt(np.maximum(left, 1e-12))

    def given(self, columns: Columns, values: Floats) -> "Surrogate":
        """The process with further observations, taken to be as noisy as the others, and nothing learnt from them."""
        white = self._whitened(self._across(columns, self._columns))
        corner = self._across(columns, columns) - white.T @ white
        corner[np.diag_indices_from(corner)] += self.noise + 1e-8
        root = _inverse_root(corner)
        before, count = len(self._values), len(values)
        whitening = np.zeros((before + count, before + count), order="F")
        whitening[:before, :before] = self._whitening
        whitening[before:, :before] = -root @ (white.T @ self._whitening)
        whitening[before:, before:] = root
        found = copy.copy(self)
        found._columns = self._columns.and_also(columns)
        found._values = np.concatenate([self._values, values])
        found._whitening = whitening
        found._solved = whitening.T @ (whitening @ found._values)
        return found

    def _across(self, a: Columns, b: Columns) -> Floats:
        """The covariance of each of `a` with each of `b`."""
        found = similarities(a.values, b.values, self._weights)
        found *= self._signal
        found += (self._shares * a.shares) @ b.shares.T
        return found

    def _whitened(self, across: Floats) -> Floats:
        """(observations, members) of what members have in common with the observations, (members, observations)."""
        found: Floats = dtrmm(1.0, self._whitening, across.T, lower=1, overwrite_b=1)
        return found


def _inverse_root(covariance: Floats) -> Floats:
    """L^-1, where L L^T is the covariance: with it a candidate takes a product, which is quicker than solving."""
    lower = cholesky(covariance, lower=True, overwrite_a=True, check_finite=False)
    found: Floats = dtrtri(lower, lower=1, overwrite_c=1)[0]
    return found


def _learnt(columns: Columns, values: Floats, extra: Floats) -> Hyperparameters:
    binary, scales, groups = columns.values, columns.scales, columns.groups
    count = columns.group_count
    middle = np.array([*np.full(count, WEIGHTS[0] - math.log(count)), SIGNAL[0], SHARES[0], NOISE[0]])
    spread = np.array([*np.full(count, WEIGHTS[1]), SIGNAL[1], SHARES[1], NOISE[1]])
    linear = columns.shares @ columns.shares.T

    def cost(logs: Floats) -> tuple[float, Floats]:
        weights = np.exp(logs[:count])
        signal, shares, noise = np.exp(logs[count:])
        kernel = signal * similarities(binary, binary, weights[groups] * scales)
        covariance = kernel + shares * linear
        covariance[np.diag_indices_from(covariance)] += noise + extra + 1e-8
        whitening = _inverse_root(covariance)
        solved = whitening.T @ (whitening @ values)
        # Of the negative logarithm of the evidence by the covariance: 1/2 (K^-1 - a a^T).
        by_covariance = (whitening.T @ whitening - np.outer(solved, solved)) / 2
        by_kernel = by_covariance * kernel
        rows = by_kernel.sum(1)
        by_column = -(2 * (binary.T @ rows) - 2 * np.einsum("ij,ij->j", binary, by_kernel @ binary)) * scales
        by_weight = np.bincount(groups, by_column, minlength=count) * weights
        by_shares, by_noise = shares * np.vdot(by_covariance, linear), noise * np.trace(by_covariance)
        off = (logs - middle) / spread
        found = values @ solved / 2 - np.log(np.diag(whitening)).sum() + off @ off / 2
        return float(found), np.array([*by_weight, by_kernel.sum(), by_shares, by_noise]) + off / spread

    best = minimize(
        cost, middle, jac=True, method="L-BFGS-B", bounds=[(LEAST, MOST)] * len(middle), options={"maxiter": STEPS}
    )
    signal, shares, noise = best.x[count:].tolist()
    return Hyperparameters(best.x[:count], signal, shares, noise)
