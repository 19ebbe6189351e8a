"""Similarity: leave-one-out predictions equal explicit ridge regressions, and predict no luck."""

import random

import numpy as np
import pytest

from nas.architecture import Architecture, Stage
from nas.results.shrinkage import SeedResult, fit_shrinkage
from nas.results.similarity import MIN_ARCHITECTURES, RIDGES, feature_columns, leave_one_out_predictions
from search_spaces.hybrid_v1 import HYBRID_V1


def members(count: int, seed: int = 0) -> list[Architecture]:
    draws = random.Random(seed)
    return [HYBRID_V1.sample(draws) for _ in range(count)]


def quality(architecture: Architecture) -> float:
    return 0.7 + 0.02 * sum(stage.mixer == "conv" for stage in architecture.stages)


def test_constant_columns_are_removed() -> None:
    columns = feature_columns(members(40))
    assert columns.mean(0) == pytest.approx(np.zeros(columns.shape[1]))
    assert columns.std(0) == pytest.approx(np.ones(columns.shape[1]))
    assert feature_columns([Architecture((Stage("pool", 1, 8),))] * 20).shape == (20, 0)


@pytest.mark.parametrize("count", [0, 1, MIN_ARCHITECTURES - 1])
def test_too_few_architectures_predict_nothing(count: int) -> None:
    assert (
        leave_one_out_predictions(feature_columns(members(count)), np.arange(count, dtype=float)).tolist()
        == [0.0] * count
    )


def test_predictions_are_leave_one_out() -> None:
    """Compared with regressions without the architecture, at the ridge that is best for all."""
    architectures = members(30)
    columns = feature_columns(architectures)
    draws = random.Random(1)
    values = np.array([quality(architecture) + draws.gauss(0, 0.005) for architecture in architectures])

    def predicted(index: int, ridge: float) -> float:
        rest = np.arange(len(values)) != index
        design = np.hstack([np.ones((rest.sum(), 1)), columns[rest]])
        penalty = np.diag([0.0, *[ridge] * columns.shape[1]])
        weights = np.linalg.solve(design.T @ design + penalty, design.T @ values[rest])
        return float(np.array([1.0, *columns[index]]) @ weights)

    by_ridge = [np.array([predicted(index, ridge) for index in range(len(values))]) for ridge in RIDGES]
    best = min(by_ridge, key=lambda predictions: float(((predictions - values) ** 2).mean()))
    assert leave_one_out_predictions(columns, values) == pytest.approx(best, abs=1e-9)


def test_luck_predicts_next_to_nothing() -> None:
    draws = np.random.default_rng(0)
    predictions = [
        leave_one_out_predictions(feature_columns(members(40, seed)), draws.normal(0, 1, 40)) for seed in range(10)
    ]
    assert np.mean([(row**2).mean() for row in predictions]) < 0.1


def test_similar_architectures_reveal_a_lucky_seed() -> None:
    """With losses that explain half of the differences between architectures."""
    architectures = members(60)
    draws = random.Random(2)
    truths = [quality(architecture) for architecture in architectures]
    trained = [[SeedResult(truth + draws.gauss(0, 0.02), 1.0 - 0.5 * truth + draws.gauss(0, 0.02))] for truth in truths]
    plain, with_similarity = fit_shrinkage(trained), fit_shrinkage(trained, feature_columns(architectures))
    assert not any(plain.similarity)

    def error(expected: list[float]) -> float:
        return sum((one - other) ** 2 for one, other in zip(expected, truths, strict=True))

    helped = error(
        [with_similarity(runs, added) for runs, added in zip(trained, with_similarity.similarity, strict=True)]
    )
    assert helped < 0.6 * error([plain(runs) for runs in trained])
