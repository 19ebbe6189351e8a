"""From what members reach on a supernet's weights to what they reach by themselves: a small model, of few members.

Shared weights favour some mixers over others, in the same way wherever they are. A ridge regression on the score and on
how many blocks of each mixer there are, as far as members that were trained by themselves tell (Hoerl and Kennard,
1970); the score's own slope is not drawn towards none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture
from nas.audit import rank_correlation
from nas.space import SearchSpace

# What may be left of each mixer's weight, of which the one with the least error on members left out is taken.
RIDGES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 1000.0)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Correction:
    """`tau` is Kendall's, between corrected scores of members that were left out and their accuracies, `raw_tau` that
    of the scores as they are.
    """

    names: tuple[str, ...]
    middle: tuple[float, ...]
    weights: tuple[float, ...]
    accuracy: float
    tau: float
    raw_tau: float

    def __call__(self, architecture: Architecture, score: float) -> float:
        """The accuracy to expect, 0 to 1."""
        row = np.array(_row(architecture, score, self.names)) - self.middle
        return float(np.clip(self.accuracy + row @ np.array(self.weights), 0.0, 1.0))


def correction(
    space: SearchSpace, members: Sequence[Architecture], scores: Sequence[float], accuracies: Sequence[float]
) -> Correction:
    """By members whose accuracies are known."""
    names = tuple(sorted({str(mixer) for stage in space.stages for mixer in stage.fields["mixer"]}))
    rows = np.array([_row(member, score, names) for member, score in zip(members, scores, strict=True)])
    found = np.array(accuracies)
    left_out = {ridge: _left_out(rows, found, ridge) for ridge in RIDGES}
    ridge = min(RIDGES, key=lambda each: float(((left_out[each] - found) ** 2).mean()))
    middle = rows.mean(0)
    return Correction(
        names,
        tuple(middle.tolist()),
        tuple(_weights(rows - middle, found - found.mean(), ridge).tolist()),
        float(found.mean()),
        rank_correlation(left_out[ridge].tolist(), accuracies),
        rank_correlation(scores, accuracies),
    )


def _row(architecture: Architecture, score: float, names: Sequence[str]) -> list[float]:
    blocks = dict.fromkeys(names, 0)
    for stage in architecture.stages:
        blocks[stage.spelled_mixer] += stage.depth
    total = sum(blocks.values())
    return [score, *(blocks[name] / total for name in names)]


def _weights(rows: Floats, found: Floats, ridge: float) -> Floats:
    """Both about their means. The first column's weight is not held back, but for what makes it defined."""
    scale = rows.std(0) + 1e-9
    standard = rows / scale
    held = np.diag([1e-3, *[ridge] * (rows.shape[1] - 1)])
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
