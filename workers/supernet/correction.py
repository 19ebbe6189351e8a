"""From what members reach on a supernet's weights to what they reach by themselves: a small model, of few members.

Shared weights favour some mixers over others, in the same way wherever they are. A ridge regression (Hoerl and Kennard,
1970) on the score, on the share of blocks that each mixer has, and on what each stage is: as far as members that were
trained by themselves tell.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture
from nas.audit import rank_correlation
from nas.space import SearchSpace

# How much weights are held back; the one with the least error on members left out is taken.
RIDGES = (1.0, 3.0, 10.0, 30.0, 100.0, 1000.0)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Correction:
    """`tau` is Kendall's, between corrected scores of members that were left out and their accuracies, `raw_tau` that
    of the scores as they are.
    """

    space: SearchSpace
    middle: tuple[float, ...]
    weights: tuple[float, ...]
    accuracy: float
    tau: float
    raw_tau: float

    def __call__(self, architecture: Architecture, score: float) -> float:
        """The accuracy to expect, 0 to 1."""
        row = np.array(_row(self.space, architecture, score)) - self.middle
        return float(np.clip(self.accuracy + row @ np.array(self.weights), 0.0, 1.0))


def correction(
    space: SearchSpace, members: Sequence[Architecture], scores: Sequence[float], accuracies: Sequence[float]
) -> Correction:
    """By members whose accuracies are known."""
    rows = np.array([_row(space, member, score) for member, score in zip(members, scores, strict=True)])
    found = np.array(accuracies)
    left_out = {ridge: _left_out(rows, found, ridge) for ridge in RIDGES}
    ridge = min(RIDGES, key=lambda each: float(((left_out[each] - found) ** 2).mean()))
    middle = rows.mean(0)
    return Correction(
        space,
        tuple(middle.tolist()),
        tuple(_weights(rows - middle, found - found.mean(), ridge).tolist()),
        float(found.mean()),
        rank_correlation(left_out[ridge].tolist(), accuracies),
        rank_correlation(scores, accuracies),
    )


def _row(space: SearchSpace, architecture: Architecture, score: float) -> list[float]:
    mixers = sorted({mixer for stage in space.stages for mixer in stage.fields["mixer"]}, key=str)
    blocks = [stage.spelled_mixer for stage in architecture.stages for _ in range(stage.depth)]
    row = [score, *(blocks.count(str(mixer)) / len(blocks) for mixer in mixers)]
    for name, chosen in space.encode(architecture).items():
        if isinstance(chosen, str):
            row += [float(chosen == option) for option in space.choices[name]]
        else:
            row.append(math.log(chosen))
    return row


def _weights(rows: Floats, found: Floats, ridge: float) -> Floats:
    """Both about their means."""
    scale = rows.std(0) + 1e-9
    standard = rows / scale
    held = ridge * np.eye(rows.shape[1])
    weights: Floats = np.linalg.solve(standard.T @ standard + held, standard.T @ found) / scale
    return weights


def _left_out(rows: Floats, found: Floats, ridge: float) -> Floats:
    """What is expected of each member by the others."""
    expected = np.empty(len(found))
    for place in range(len(found)):
        others = np.arange(len(found)) != place
        middle, mean = rows[others].mean(0), found[others].mean()
        weights = _weights(rows[others] - middle, found[others] - mean, ridge)
        expected[place] = mean + (rows[place] - middle) @ weights
    return expected
