"""Correction of supernet scores: a small model, fitted to a few members, of their accuracies when trained alone.

Shared weights favour some mixers over others, in the same way in every stage. The model is a ridge regression (Hoerl
and Kennard, 1970) on the score, on each mixer's share of blocks, and on the fields of each stage, fitted to members
that were trained alone. Its targets are not their accuracies, much of which is a seed's luck, but the accuracies that
these and training losses together lead one to expect (nas.results.shrinkage). Repeated cross-validation chooses the
penalties, that of the score and that of the other features.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture
from nas.results.rank_correlation import rank_correlation
from nas.results.shrinkage import SeedResult, fit_shrinkage
from nas.space import SearchSpace

# Penalties of the score's weight and of the other weights: both alike, or only of the others.
NO_PENALTY = 1e-3
PENALTIES = [(ridge, ridge) for ridge in (1.0, 3.0, 10.0, 30.0, 100.0)]
PENALTIES += [(NO_PENALTY, ridge) for ridge in (3.0, 10.0, 30.0, 100.0, 1e6)]
# Folds of the cross-validation, and its repetitions.
FOLDS, REPETITIONS = 4, 20
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Correction:
    """A fitted correction. `tau` is Kendall's, between corrected scores and accuracies of held-out members; `raw_tau`
    is that of uncorrected scores.
    """

    space: SearchSpace
    mean: tuple[float, ...]
    weights: tuple[float, ...]
    accuracy: float
    tau: float
    raw_tau: float

    def __call__(self, architecture: Architecture, score: float) -> float:
        """The expected accuracy, 0 to 1."""
        row = np.array(_row(self.space, architecture, score)) - self.mean
        return float(np.clip(self.accuracy + row @ np.array(self.weights), 0.0, 1.0))


def correction(
    space: SearchSpace, members: Sequence[Architecture], scores: Sequence[float], trained: Sequence[SeedResult]
) -> Correction:
    """Fit the correction to `members` that were trained alone."""
    rows = np.array([_row(space, member, score) for member, score in zip(members, scores, strict=True)])
    expected_of = fit_shrinkage([[member] for member in trained])
    expected = np.array([expected_of([member]) for member in trained])
    accuracies = np.array([member.accuracy for member in trained])
    validations = {penalty: _cross_validated(rows, expected, accuracies, penalty) for penalty in PENALTIES}
    penalty = min(PENALTIES, key=lambda candidate: validations[candidate].error)
    mean = rows.mean(0)
    return Correction(
        space,
        tuple(mean.tolist()),
        tuple(_weights(rows - mean, expected - expected.mean(), penalty).tolist()),
        float(expected.mean()),
        validations[penalty].tau,
        rank_correlation(scores, accuracies.tolist()),
    )


def _row(space: SearchSpace, architecture: Architecture, score: float) -> list[float]:
    mixers = sorted({mixer for stage in space.stages for mixer in stage.fields["mixer"]}, key=str)
    blocks = [stage.mixer_label for stage in architecture.stages for _ in range(stage.depth)]
    row = [score, *(blocks.count(str(mixer)) / max(1, len(blocks)) for mixer in mixers)]
    for name, chosen in space.encode(architecture).items():
        if isinstance(chosen, str):
            row += [float(chosen == option) for option in space.choices[name]]
        else:
            # Depths and ratios may be 0, which is placed as far below 1 as 2 is above it.
            row.append(math.log(max(chosen, 0.5)))
    return row


def _weights(rows: Floats, targets: Floats, penalty: tuple[float, float]) -> Floats:
    """The ridge regression's weights for centred rows, whose first column is the score, and centred targets."""
    scale = rows.std(0) + 1e-9
    standard = rows / scale
    score, others = penalty
    ridge = np.diag([score, *[others] * (rows.shape[1] - 1)])
    weights: Floats = np.linalg.solve(standard.T @ standard + ridge, standard.T @ targets) / scale
    return weights


class _Validation(NamedTuple):
    """The mean squared error of held-out members against their expected accuracies, and Kendall's tau with their
    accuracies within each fold.

    Only members of one fold are predicted by the same others: across folds the others' mean ranks against the held-out
    member.
    """

    error: float
    tau: float


def _cross_validated(rows: Floats, expected: Floats, accuracies: Floats, penalty: tuple[float, float]) -> _Validation:
    generator = np.random.default_rng(0)
    errors: list[Floats] = []
    agreeing = pairs = 0.0
    for _ in range(REPETITIONS):
        for out in np.array_split(generator.permutation(len(expected)), FOLDS):
            others = np.setdiff1d(np.arange(len(expected)), out)
            row_mean, mean = rows[others].mean(0), expected[others].mean()
            weights = _weights(rows[others] - row_mean, expected[others] - mean, penalty)
            predicted = mean + (rows[out] - row_mean) @ weights
            errors.append((predicted - expected[out]) ** 2)
            above = np.triu_indices(len(out), 1)
            signs = [np.sign(np.subtract.outer(values, values))[above] for values in (predicted, accuracies[out])]
            agreeing += float((signs[0] * signs[1]).sum())
            pairs += float((signs[1] != 0).sum())
    return _Validation(float(np.concatenate(errors).mean()), agreeing / pairs if pairs else 0.0)
