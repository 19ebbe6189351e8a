"""Latency model: a linear model of the cost of stages and blocks. It guides choices and is never reported.

The latency of a network is the sum over its parts (additive tables, like nn-Meter's: Zhang et al., MobiSys 2021): for
each stage and mixer an overhead per block, which is larger where the width does not fill the runtime's vectors, a cost
per channel and per multiply-accumulate, the entrance of a stage, and an extra cost for pairs of neighbouring mixers.
Coefficients of stages scatter around those of the mixer; scatter and noise are learnt by maximising the evidence
(MacKay, 1992), so that a few dozen measurements suffice for all coefficients.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from scipy.optimize import minimize

from nas.architecture import Architecture, ModelInput
from nas.builder import Builder
from nas.objective import Z_95

MIN_MEASUREMENTS = 4
# The negative log evidence assigned where it cannot be computed.
MAX_COST = 1e6
# Runtimes keep channels in blocks of 16 (ONNX Runtime's NCHWc on AVX-512): at other widths a pooling block, which has
# little else to compute, took up to twice as long.
LANES = 16
Floats = NDArray[np.float64]
# Groups of features, each with its own prior scale: the deviation of its coefficients, in milliseconds per unit.
GROUPS = ("base", "mixer", "stage", "pair")
Feature = tuple[str, ...]


class Prediction(NamedTuple):
    """A predicted latency in milliseconds and its 95% interval."""

    ms: float
    low_ms: float
    high_ms: float


def features(architecture: Architecture, model_input: ModelInput, builder: Builder) -> dict[Feature, float]:
    """Return the features whose weighted sum is the latency. The first part of a name is its group."""
    row: dict[Feature, float] = {("base", "network"): 1.0}

    def add(value: float, *name: str) -> None:
        row[name] = row.get(name, 0.0) + value

    for name, label in architecture.blueprint.labels.items():
        add(1.0, "base", name, label)
    # The stage's tokens relative to a stem of stride 1; with a stem that the input determines, equal for all networks.
    stem = architecture.blueprint.stem
    tokens = 1.0 if stem is None else 1.0 / stem.stride**2
    previous_mixer = ""
    for index, stage in enumerate(architecture.stages):
        number = str(index + 1)
        block, entrance = _megamacs(architecture, index, model_input, builder)
        mixer = stage.mixer_label
        for group in (("mixer", stage.mixer), ("stage", number, mixer)):
            add(stage.depth, *group, "block")
            add(stage.depth * stage.width / 64, *group, "channels")
            add(stage.depth * block, *group, "macs")
            if stem is not None:
                add(stage.depth * stage.width * tokens / 64, *group, "values")
        if stage.mlp_ratio and stage.depth:
            add(stage.depth, "base", "mlp", "block")
        if stage.width % LANES:
            add(stage.depth, "mixer", number, mixer, "ragged")
        if stage.norm is not None:
            add(stage.depth, "stage", number, stage.norm, "norm")
        add(entrance, "base", "entrance")
        add(entrance, "stage", number, "entrance")
        add(stage.width / 64, "stage", number, "width")
        add(1.0, "pair", number, previous_mixer, mixer)
        previous_mixer = mixer
    return row


def _megamacs(architecture: Architecture, index: int, model_input: ModelInput, builder: Builder) -> tuple[float, float]:
    """Return the megaMACs of one block of the stage, and of the stage's entrance."""
    stage = builder.part_cost(architecture, index, model_input).macs
    block = builder.part_cost(with_extra_block(architecture, index), index, model_input).macs - stage
    return block / 1e6, (stage - block * architecture.stages[index].depth) / 1e6


def with_extra_block(architecture: Architecture, index: int) -> Architecture:
    """Return the architecture with one more block in stage `index`."""
    stages = architecture.stages
    stage = replace(stages[index], depth=stages[index].depth + 1)
    return replace(architecture, stages=(*stages[:index], stage, *stages[index + 1 :]))


class LatencyModel:
    """Predicts from measured networks: Bayesian linear regression whose errors are relative to the time."""

    def __init__(self, rows: Sequence[Mapping[Feature, float]], latencies_ms: Sequence[float]) -> None:
        """Fit prior scales and noise to the features of measured networks. Raises ValueError for fewer than four."""
        if len(rows) < MIN_MEASUREMENTS:
            raise ValueError(f"{len(rows)} measured networks are too few to predict others from")
        self._indices = {name: index for index, name in enumerate(sorted({name for row in rows for name in row}))}
        times = np.array(latencies_ms, dtype=np.float64)
        scaled = np.array([self._vector(row) for row in rows]) / times[:, None]
        groups = np.array([GROUPS.index(name[0]) for name in self._indices])
        self.scales, self.noise = _fit_scales(scaled, groups, float(np.median(times)))
        self._prior = self.scales[groups]
        shrunk = scaled * self._prior
        covariance = shrunk @ shrunk.T + self.noise**2 * np.eye(len(times))
        lower = cholesky(covariance, lower=True)
        self._half = solve_triangular(lower, shrunk, lower=True)
        white = solve_triangular(lower, np.ones(len(times)), lower=True)
        self._coefficients = self._prior * (self._half.T @ white)

    def predict(self, row: Mapping[Feature, float]) -> Prediction:
        """Predict the latency of a network with these features; unmeasured features widen the interval."""
        vector = self._vector(row)
        mean = float(vector @ self._coefficients)
        shrunk = vector * self._prior
        posterior = float(shrunk @ shrunk) - float(np.sum((self._half @ shrunk) ** 2))
        unmeasured = sum(
            (value * self.scales[GROUPS.index(name[0])]) ** 2
            for name, value in row.items()
            if name not in self._indices
        )
        half_width = Z_95 * math.sqrt(max(posterior, 0.0) + unmeasured + (self.noise * mean) ** 2)
        return Prediction(mean, mean - half_width, mean + half_width)

    def _vector(self, row: Mapping[Feature, float]) -> Floats:
        vector = np.zeros(len(self._indices))
        for name, value in row.items():
            if name in self._indices:
                vector[self._indices[name]] = value
        return vector


def _fit_scales(scaled: Floats, groups: NDArray[np.int64], typical_ms: float) -> tuple[Floats, float]:
    """Return the prior scale of each group and the relative noise that maximise the evidence."""
    grams = np.array([scaled[:, groups == group] @ scaled[:, groups == group].T for group in range(len(GROUPS))])
    ones, eye = np.ones(len(scaled)), np.eye(len(scaled))

    def cost(logs: Floats) -> float:
        variances = np.exp(2 * logs)
        try:
            lower = cholesky(np.tensordot(variances[:-1], grams, 1) + variances[-1] * eye, lower=True)
        except LinAlgError:
            # With scales this large the noise is lost in rounding.
            return MAX_COST
        white = solve_triangular(lower, ones, lower=True)
        return float(white @ white / 2 + np.log(np.diag(lower)).sum())

    middle = math.log(typical_ms / 10)
    bounds = [(middle - 9, middle + 5)] * len(GROUPS) + [(math.log(0.003), math.log(0.5))]
    starts = (np.array([middle, middle, middle + shift, middle + shift, math.log(0.03)]) for shift in (-1.0, -3.0))
    best = min(
        (minimize(cost, start, method="L-BFGS-B", bounds=bounds) for start in starts), key=lambda optimum: optimum.fun
    )
    scales = np.exp(best.x)
    return scales[:-1], float(scales[-1])
