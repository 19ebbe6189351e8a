"""Predicted latency: a linear model of what stages and blocks cost, with an interval. It chooses; it is never reported.

A network's time is the sum of its parts' (additive tables, like nn-Meter's: Zhang et al., MobiSys 2021): per stage
and mixer an overhead per block, more of it where the width does not fill the runtime's vectors, a cost per channel and
per multiply-accumulate, the way into a stage, and what pairs of neighbouring mixers cost besides. Coefficients of
stages scatter around those of the mixer; how much is learnt with the noise by maximising the evidence (MacKay, 1992),
so that some dozens of measurements do for all of them.
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
# The negative log evidence of scales that no measurements fit.
UNLIKELY = 1e6
# Runtimes keep channels in blocks of so many (ONNX Runtime's NCHWc on AVX-512): at other widths a pooling block, which
# has little else to do, took up to twice as long.
LANES = 16
Floats = NDArray[np.float64]
# Groups of features, each with its own prior scale: how far its coefficients lie from zero, in milliseconds per unit.
GROUPS = ("base", "mixer", "stage", "pair")
Feature = tuple[str, ...]


class Prediction(NamedTuple):
    """Milliseconds and their 95% interval."""

    ms: float
    low_ms: float
    high_ms: float


def features(architecture: Architecture, model_input: ModelInput, builder: Builder) -> dict[Feature, float]:
    """What the network's time is a sum of. The first word of a name is its group."""
    found: dict[Feature, float] = {("base", "network"): 1.0}

    def add(value: float, *name: str) -> None:
        found[name] = found.get(name, 0.0) + value

    for name, label in architecture.blueprint.labels.items():
        add(1.0, "base", name, label)
    # Tokens of a stage, beside those of a stem of stride 1; where the stem follows the input all networks' are alike.
    stem = architecture.blueprint.stem
    tokens = 1.0 if stem is None else 1.0 / stem.stride**2
    before = ""
    for index, stage in enumerate(architecture.stages):
        place = str(index + 1)
        block, entrance = _megamacs(architecture, index, model_input, builder)
        kind = stage.mixer_label
        for group in (("mixer", stage.mixer), ("stage", place, kind)):
            add(stage.depth, *group, "block")
            add(stage.depth * stage.width / 64, *group, "channels")
            add(stage.depth * block, *group, "macs")
            if stem is not None:
                add(stage.depth * stage.width * tokens / 64, *group, "values")
        if stage.mlp_ratio and stage.depth:
            add(stage.depth, "base", "mlp", "block")
        if stage.width % LANES:
            add(stage.depth, "mixer", place, kind, "ragged")
        if stage.norm is not None:
            add(stage.depth, "stage", place, stage.norm, "norm")
        add(entrance, "base", "entrance")
        add(entrance, "stage", place, "entrance")
        add(stage.width / 64, "stage", place, "width")
        add(1.0, "pair", place, before, kind)
        before = kind
    return found


def _megamacs(architecture: Architecture, index: int, model_input: ModelInput, builder: Builder) -> tuple[float, float]:
    """Of one block of the stage, and of what leads to it."""
    share = builder.part_cost(architecture, index, model_input).macs
    block = builder.part_cost(deepened(architecture, index), index, model_input).macs - share
    return block / 1e6, (share - block * architecture.stages[index].depth) / 1e6


def deepened(architecture: Architecture, index: int) -> Architecture:
    """With one more block in stage `index`."""
    stages = architecture.stages
    stage = replace(stages[index], depth=stages[index].depth + 1)
    return replace(architecture, stages=(*stages[:index], stage, *stages[index + 1 :]))


class LatencyModel:
    """Predicts from measured networks: Bayesian linear regression whose errors are relative to the time."""

    def __init__(self, rows: Sequence[Mapping[Feature, float]], latencies_ms: Sequence[float]) -> None:
        """Learn scales and noise from measured networks' features. Raises ValueError of fewer than four."""
        if len(rows) < MIN_MEASUREMENTS:
            raise ValueError(f"{len(rows)} measured networks are too few to predict others from")
        self._places = {name: place for place, name in enumerate(sorted({name for row in rows for name in row}))}
        times = np.array(latencies_ms, dtype=np.float64)
        scaled = np.array([self._vector(row) for row in rows]) / times[:, None]
        groups = np.array([GROUPS.index(name[0]) for name in self._places])
        self.scales, self.noise = _learnt(scaled, groups, float(np.median(times)))
        self._prior = self.scales[groups]
        shrunk = scaled * self._prior
        covariance = shrunk @ shrunk.T + self.noise**2 * np.eye(len(times))
        lower = cholesky(covariance, lower=True)
        self._half = solve_triangular(lower, shrunk, lower=True)
        white = solve_triangular(lower, np.ones(len(times)), lower=True)
        self._coefficients = self._prior * (self._half.T @ white)

    def predict(self, row: Mapping[Feature, float]) -> Prediction:
        """Of a network with these features; those that were never measured widen the interval."""
        known = self._vector(row)
        mean = float(known @ self._coefficients)
        shrunk = known * self._prior
        left = float(shrunk @ shrunk) - float(np.sum((self._half @ shrunk) ** 2))
        unseen = sum(
            (value * self.scales[GROUPS.index(name[0])]) ** 2 for name, value in row.items() if name not in self._places
        )
        spread = Z_95 * math.sqrt(max(left, 0.0) + unseen + (self.noise * mean) ** 2)
        return Prediction(mean, mean - spread, mean + spread)

    def _vector(self, row: Mapping[Feature, float]) -> Floats:
        vector = np.zeros(len(self._places))
        for name, value in row.items():
            if name in self._places:
                vector[self._places[name]] = value
        return vector


def _learnt(scaled: Floats, groups: NDArray[np.int64], typical_ms: float) -> tuple[Floats, float]:
    """The prior scale of each group and the relative noise, where the evidence is greatest."""
    grams = np.array([scaled[:, groups == group] @ scaled[:, groups == group].T for group in range(len(GROUPS))])
    ones, eye = np.ones(len(scaled)), np.eye(len(scaled))

    def cost(logs: Floats) -> float:
        variances = np.exp(2 * logs)
        try:
            lower = cholesky(np.tensordot(variances[:-1], grams, 1) + variances[-1] * eye, lower=True)
        except LinAlgError:
            # Beside scales as great as these the noise is lost in rounding.
            return UNLIKELY
        white = solve_triangular(lower, ones, lower=True)
        return float(white @ white / 2 + np.log(np.diag(lower)).sum())

    middle = math.log(typical_ms / 10)
    bounds = [(middle - 9, middle + 5)] * len(GROUPS) + [(math.log(0.003), math.log(0.5))]
    starts = (np.array([middle, middle, middle + shift, middle + shift, math.log(0.03)]) for shift in (-1.0, -3.0))
    best = min(
        (minimize(cost, start, method="L-BFGS-B", bounds=bounds) for start in starts), key=lambda found: found.fun
    )
    scales = np.exp(best.x)
    return scales[:-1], float(scales[-1])
