"""A Gaussian process over binary columns: what trials of categorical choices tell about all the others.

The kernel is exp(-distance), with a weighted count of differing choices for the distance (Hutter, 2009), which holds
main effects, pairs and higher interactions alike; a weight for each group of columns tells how much it matters.
Weights, signal and noise are where the posterior is greatest (Rasmussen and Williams, 2006, equation 5.9, with priors).
"""

import copy
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

Floats = NDArray[np.float64]
# Of the logarithms' normal priors: middle and spread of the weights' sum, of the signal's and of the noise's variance.
WEIGHTS = (math.log(1.5), 1.2)
SIGNAL = (0.0, 1.0)
NOISE = (math.log(0.01), 1.5)
# Bounds on every logarithm.
LEAST, MOST = math.log(1e-4), math.log(1e2)
STEPS = 25


@dataclass(frozen=True)
class Hyperparameters:
    """Logarithms: of each group's weight, of the signal's variance, of the noise's variance."""

    weights: Floats
    signal: float
    noise: float

    @property
    def vector(self) -> Floats:
        return np.array([*self.weights, self.signal, self.noise])


def distances(a: Floats, b: Floats, weights: Floats) -> Floats:
    """Weighted counts of the columns in which rows of `a` and `b` differ: (a's rows, b's rows)."""
    weighted = a * weights
    found: Floats = weighted.sum(1)[:, None] + (b @ weights)[None, :] - 2.0 * (weighted @ b.T)
    return np.maximum(found, 0.0, out=found)


class Surrogate:
    """The process, given what was observed: `columns` (observations, columns) and standardised `values`.

    `groups` tells each column's group and `scales` its share of it. `extra` is further noise variance of each
    observation. With `hyperparameters` None they are learnt.
    """

    def __init__(
        self,
        columns: Floats,
        values: Floats,
        groups: NDArray[np.int64],
        scales: Floats,
        extra: Floats,
        hyperparameters: Hyperparameters | None = None,
    ) -> None:
        self._columns = columns
        self._values = values
        self._groups = groups
        self._scales = scales
        self._extra = extra
        count = int(groups.max()) + 1
        self.hyperparameters = hyperparameters or self._learnt(values, count)
        self._weights = np.exp(self.hyperparameters.weights)[groups] * scales
        self._signal = math.exp(self.hyperparameters.signal)
        covariance = self._signal * np.exp(-distances(columns, columns, self._weights))
        covariance[np.diag_indices_from(covariance)] += math.exp(self.hyperparameters.noise) + extra + 1e-8
        self._lower = cholesky(covariance, lower=True, overwrite_a=True, check_finite=False)
        self._solved = cho_solve((self._lower, True), values, check_finite=False)

    def predict(self, columns: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation, without the noise, of each row."""
        across = self._signal * np.exp(-distances(self._columns, columns, self._weights))
        mean = across.T @ self._solved
        half = solve_triangular(self._lower, across, lower=True, overwrite_b=True, check_finite=False)
        left = self._signal - np.einsum("ij,ij->j", half, half)
        return mean, np.sqrt(np.maximum(left, 1e-12))

    def given(self, columns: Floats, values: Floats) -> "Surrogate":
        """The process with further observations, taken to be as noisy as the others, and nothing learnt from them."""
        across = self._signal * np.exp(-distances(self._columns, columns, self._weights))
        half = solve_triangular(self._lower, across, lower=True, overwrite_b=True, check_finite=False)
        corner = self._signal * np.exp(-distances(columns, columns, self._weights)) - half.T @ half
        corner[np.diag_indices_from(corner)] += math.exp(self.hyperparameters.noise) + 1e-8
        before, count = len(self._values), len(values)
        lower = np.zeros((before + count, before + count))
        lower[:before, :before] = self._lower
        lower[before:, :before] = half.T
        lower[before:, before:] = cholesky(corner, lower=True, overwrite_a=True, check_finite=False)
        found = copy.copy(self)
        found._columns = np.vstack([self._columns, columns])
        found._values = np.concatenate([self._values, values])
        found._extra = np.concatenate([self._extra, np.zeros(count)])
        found._lower = lower
        found._solved = cho_solve((lower, True), found._values, check_finite=False)
        return found

    def _learnt(self, values: Floats, count: int) -> Hyperparameters:
        columns, scales, groups = self._columns, self._scales, self._groups
        middle = _middle(count).vector
        spread = np.array([WEIGHTS[1]] * count + [SIGNAL[1], NOISE[1]])
        eye = np.eye(len(values))

        def cost(logs: Floats) -> tuple[float, Floats]:
            weights = np.exp(logs[:count])
            signal, noise = np.exp(logs[count:])
            kernel = signal * np.exp(-distances(columns, columns, weights[groups] * scales))
            lower = cholesky(kernel + np.diag(noise + self._extra + 1e-8), lower=True, check_finite=False)
            solved = cho_solve((lower, True), values, check_finite=False)
            inverse = cho_solve((lower, True), eye, check_finite=False)
            # Of the negative logarithm of the evidence by the covariance: 1/2 (K^-1 - a a^T).
            by_covariance = (inverse - np.outer(solved, solved)) / 2
            by_kernel = by_covariance * kernel
            rows = by_kernel.sum(1)
            by_column = -(2 * (columns.T @ rows) - 2 * np.einsum("ij,ij->j", columns, by_kernel @ columns)) * scales
            by_weight = np.bincount(groups, by_column, minlength=count) * weights
            off = (logs - middle) / spread
            found = values @ solved / 2 + np.log(np.diag(lower)).sum() + off @ off / 2
            slope = np.array([*by_weight, by_kernel.sum(), noise * np.trace(by_covariance)])
            return float(found), slope + off / spread

        best = minimize(
            cost,
            middle,
            jac=True,
            method="L-BFGS-B",
            bounds=[(LEAST, MOST)] * (count + 2),
            options={"maxiter": STEPS},
        )
        return Hyperparameters(best.x[:count], float(best.x[count]), float(best.x[count + 1]))


def _middle(count: int) -> Hyperparameters:
    """Where the priors are greatest."""
    return Hyperparameters(np.full(count, WEIGHTS[0] - math.log(count)), SIGNAL[0], NOISE[0])
