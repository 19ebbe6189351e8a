"""A Gaussian process over categorical choices: the surrogate of a loss.

Hyperparameters (weights, variances and noise) are those of the greatest posterior (Rasmussen and Williams, 2006,
equation 5.9, with priors).
"""

import copy
import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky
from scipy.linalg.blas import dtrmm
from scipy.linalg.lapack import dtrtri
from scipy.optimize import minimize

from nas.samplers.ehvi.encoding import DesignMatrix
from nas.samplers.ehvi.kernel import Hyperparameters, Kernel, hamming_kernel

Floats = NDArray[np.float64]
# Normal priors of the logarithms, as mean and standard deviation: of the weights' sum, and of the variances of the
# signal, of the linear term and of the noise: none in a table that is made up, a third and more in short trainings.
WEIGHTS_PRIOR = (math.log(1.5), 1.2)
SIGNAL_PRIOR = (0.0, 1.0)
SHARES_PRIOR = (0.0, 1.5)
NOISE_PRIOR = (math.log(0.01), 2.5)
# Bounds on every logarithm.
MIN_LOG, MAX_LOG = math.log(1e-4), math.log(1e2)
MAX_ITERATIONS = 25
# Added to the covariance's diagonal, for numerical stability.
JITTER = 1e-8


class Surrogate:
    """The posterior process, given the standardised `losses` of some members.

    `extra_noise` is each member's noise variance besides the `noise` of all. With `hyperparameters` None they are
    fitted.
    """

    def __init__(
        self,
        design: DesignMatrix,
        losses: Floats,
        extra_noise: Floats,
        hyperparameters: Hyperparameters | None = None,
    ) -> None:
        self._design = design
        self._losses = losses
        self.hyperparameters = hyperparameters or _fit_hyperparameters(design, losses, extra_noise)
        self._kernel = Kernel(self.hyperparameters, design.groups, design.scales)
        self.noise = math.exp(self.hyperparameters.log_noise)
        covariance = self._kernel(design, design)
        covariance[np.diag_indices_from(covariance)] += self.noise + extra_noise + JITTER
        self._whitening = _inverse_root(covariance)
        self._solved = self._whitening.T @ (self._whitening @ losses)

    def predict(self, design: DesignMatrix) -> tuple[Floats, Floats]:
        """Return the mean and the standard deviation, without the noise, of each member's loss."""
        covariance = self._kernel(design, self._design)
        mean = covariance @ self._solved
        whitened = self._whiten(covariance)
        variance = self._kernel.variance(design) - np.einsum("ij,ij->j", whitened, whitened)
        return mean, np.sqrt(np.maximum(variance, 1e-12))

    def mean(self, design: DesignMatrix) -> Floats:
        """Return the mean of each member's loss alone, for a fraction of the time."""
        mean: Floats = self._kernel(design, self._design) @ self._solved
        return mean

    def condition(self, design: DesignMatrix, losses: Floats) -> "Surrogate":
        """Return the process given further observations, as noisy as the others; hyperparameters stay as they are."""
        whitened = self._whiten(self._kernel(design, self._design))
        corner = self._kernel(design, design) - whitened.T @ whitened
        corner[np.diag_indices_from(corner)] += self.noise + JITTER
        root = _inverse_root(corner)
        before, count = len(self._losses), len(losses)
        whitening = np.zeros((before + count, before + count), order="F")
        whitening[:before, :before] = self._whitening
        whitening[before:, :before] = -root @ (whitened.T @ self._whitening)
        whitening[before:, before:] = root
        conditioned = copy.copy(self)
        conditioned._design = self._design.append(design)
        conditioned._losses = np.concatenate([self._losses, losses])
        conditioned._whitening = whitening
        conditioned._solved = whitening.T @ (whitening @ conditioned._losses)
        return conditioned

    def _whiten(self, covariance: Floats) -> Floats:
        """Return L^-1 times the covariance of members with the observations, (members, observations), transposed."""
        whitened: Floats = dtrmm(1.0, self._whitening, covariance.T, lower=1, overwrite_b=1)
        return whitened


def _inverse_root(covariance: Floats) -> Floats:
    """Return L^-1, where L L^T is the covariance: a candidate then takes a product, which is quicker than solving."""
    lower = cholesky(covariance, lower=True, overwrite_a=True, check_finite=False)
    inverse: Floats = dtrtri(lower, lower=1, overwrite_c=1)[0]
    return inverse


def _fit_hyperparameters(design: DesignMatrix, losses: Floats, extra_noise: Floats) -> Hyperparameters:
    """Return the hyperparameters of the greatest posterior."""
    binary, scales, groups = design.values, design.scales, design.groups
    count = design.group_count
    scalars = (SIGNAL_PRIOR, SHARES_PRIOR, NOISE_PRIOR)
    prior_mean = np.array([*np.full(count, WEIGHTS_PRIOR[0] - math.log(count)), *(mean for mean, _ in scalars)])
    prior_sd = np.array([*np.full(count, WEIGHTS_PRIOR[1]), *(sd for _, sd in scalars)])
    linear = design.shares @ design.shares.T

    def negative_log_posterior(logs: Floats) -> tuple[float, Floats]:
        """Return the value, up to a constant, and its gradient."""
        weights = np.exp(logs[:count])
        signal, shares, noise = np.exp(logs[count:])
        kernel = signal * hamming_kernel(binary, binary, weights[groups] * scales)
        covariance = kernel + shares * linear
        covariance[np.diag_indices_from(covariance)] += noise + extra_noise + JITTER
        whitening = _inverse_root(covariance)
        solved = whitening.T @ (whitening @ losses)
        # The gradient of the negative log evidence by the covariance: 1/2 (K^-1 - a a^T).
        by_covariance = (whitening.T @ whitening - np.outer(solved, solved)) / 2
        by_kernel = by_covariance * kernel
        rows = by_kernel.sum(1)
        by_column = -(2 * (binary.T @ rows) - 2 * np.einsum("ij,ij->j", binary, by_kernel @ binary)) * scales
        by_weight = np.bincount(groups, by_column, minlength=count) * weights
        by_shares, by_noise = shares * np.vdot(by_covariance, linear), noise * np.trace(by_covariance)
        z = (logs - prior_mean) / prior_sd
        value = losses @ solved / 2 - np.log(np.diag(whitening)).sum() + z @ z / 2
        return float(value), np.array([*by_weight, by_kernel.sum(), by_shares, by_noise]) + z / prior_sd

    best = minimize(
        negative_log_posterior,
        prior_mean,
        jac=True,
        method="L-BFGS-B",
        bounds=[(MIN_LOG, MAX_LOG)] * len(prior_mean),
        options={"maxiter": MAX_ITERATIONS},
    )
    signal, shares, noise = best.x[count:].tolist()
    return Hyperparameters(best.x[:count], signal, shares, noise)
