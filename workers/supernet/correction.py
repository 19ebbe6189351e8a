"""From what members reach on a supernet's weights to what they reach by themselves: a small model, of few members.

Shared weights favour some mixers over others, in the same way wherever they are. A ridge regression (Hoerl and Kennard,
1970) on the score, on the share of blocks that each mixer has, and on what each stage is: as far as members that were
trained by themselves tell. Not by their accuracies, much of which is a seed's luck, but by what these and training
losses together lead one to expect (nas.results.shrinkage). How much it is held back is decided by members that are left
out, again and again; so is whether the score is, or stands almost alone.
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

# How much the score's weight is held back and how much the others' are: both alike, or the others alone.
FREE = 1e-3
HELD = [(ridge, ridge) for ridge in (1.0, 3.0, 10.0, 30.0, 100.0)]
HELD += [(FREE, ridge) for ridge in (3.0, 10.0, 30.0, 100.0, 1e6)]
# Members are dealt into so many parts, so many times. Each part is foretold by the others.
PARTS, DEALS = 4, 20
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
    space: SearchSpace, members: Sequence[Architecture], scores: Sequence[float], trained: Sequence[SeedResult]
) -> Correction:
    """By members that were trained by themselves."""
    rows = np.array([_row(space, member, score) for member, score in zip(members, scores, strict=True)])
    promised = fit_shrinkage([[each] for each in trained])
    expected = np.array([promised([each]) for each in trained])
    accuracies = np.array([each.accuracy for each in trained])
    judged = {held: _judged(rows, expected, accuracies, held) for held in HELD}
    held = min(HELD, key=lambda each: judged[each].error)
    middle = rows.mean(0)
    return Correction(
        space,
        tuple(middle.tolist()),
        tuple(_weights(rows - middle, expected - expected.mean(), held).tolist()),
        float(expected.mean()),
        judged[held].tau,
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
            # Depths and ratios may be 0, which is as far below 1 as 2 is above it.
            row.append(math.log(max(chosen, 0.5)))
    return row


def _weights(rows: Floats, found: Floats, held: tuple[float, float]) -> Floats:
    """Both about their means; the score is the first column."""
    scale = rows.std(0) + 1e-9
    standard = rows / scale
    score, others = held
    back = np.diag([score, *[others] * (rows.shape[1] - 1)])
    weights: Floats = np.linalg.solve(standard.T @ standard + back, standard.T @ found) / scale
    return weights


class _Judged(NamedTuple):
    """The mean squared error of members that were left out, by what is expected of them, and Kendall's tau with their
    accuracies among those left out together.

    Only these are foretold by the same members: pooled, a mean of others would rank against the one that was left out.
    """

    error: float
    tau: float


def _judged(rows: Floats, expected: Floats, accuracies: Floats, held: tuple[float, float]) -> _Judged:
    generator = np.random.default_rng(0)
    errors: list[Floats] = []
    agreeing = pairs = 0.0
    for _ in range(DEALS):
        for out in np.array_split(generator.permutation(len(expected)), PARTS):
            others = np.setdiff1d(np.arange(len(expected)), out)
            middle, mean = rows[others].mean(0), expected[others].mean()
            foretold = mean + (rows[out] - middle) @ _weights(rows[others] - middle, expected[others] - mean, held)
            errors.append((foretold - expected[out]) ** 2)
            above = np.triu_indices(len(out), 1)
            signs = [np.sign(np.subtract.outer(each, each))[above] for each in (foretold, accuracies[out])]
            agreeing += float((signs[0] * signs[1]).sum())
            pairs += float((signs[1] != 0).sum())
    return _Judged(float(np.concatenate(errors).mean()), agreeing / pairs if pairs else 0.0)
