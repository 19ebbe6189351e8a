"""What architectures tell of each other: as ridge regressions without each of them would say, and nothing of luck."""

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


def test_a_constant_column_describes_nothing() -> None:
    columns = feature_columns(members(40))
    assert columns.mean(0) == pytest.approx(np.zeros(columns.shape[1]))
    assert columns.std(0) == pytest.approx(np.ones(columns.shape[1]))
    assert feature_columns([Architecture((Stage("pool", 1, 8),))] * 20).shape == (20, 0)


@pytest.mark.parametrize("count", [0, 1, MIN_ARCHITECTURES - 1])
def test_few_tell_nothing(count: int) -> None:
    assert (
        leave_one_out_predictions(feature_columns(members(count)), np.arange(count, dtype=float)).tolist()
        == [0.0] * count
    )


def test_each_is_left_out() -> None:
    """Against regressions that are made without it, at the ridge that is best for all of them."""
    architectures = members(30)
    columns = feature_columns(architectures)
    draws = random.Random(1)
    values = np.array([quality(each) + draws.gauss(0, 0.005) for each in architectures])

    def without(place: int, ridge: float) -> float:
        rest = np.arange(len(values)) != place
        known = np.hstack([np.ones((rest.sum(), 1)), columns[rest]])
        back = np.diag([0.0, *[ridge] * columns.shape[1]])
        weights = np.linalg.solve(known.T @ known + back, known.T @ values[rest])
        return float(np.array([1.0, *columns[place]]) @ weights)

    by_ridge = [np.array([without(place, ridge) for place in range(len(values))]) for ridge in RIDGES]
    best = min(by_ridge, key=lambda found: float(((found - values) ** 2).mean()))
    assert leave_one_out_predictions(columns, values) == pytest.approx(best, abs=1e-9)


def test_luck_foretells_nothing_or_next_to_it() -> None:
    draws = np.random.default_rng(0)
    found = [
        leave_one_out_predictions(feature_columns(members(40, seed)), draws.normal(0, 1, 40)) for seed in range(10)
    ]
    assert np.mean([(each**2).mean() for each in found]) < 0.1


def test_those_like_it_tell_a_lucky_seed() -> None:
    """Beside losses that tell of half of what architectures differ by."""
    architectures = members(60)
    draws = random.Random(2)
    truths = [quality(each) for each in architectures]
    trained = [[SeedResult(truth + draws.gauss(0, 0.02), 1.0 - 0.5 * truth + draws.gauss(0, 0.02))] for truth in truths]
    alone, helped = fit_shrinkage(trained), fit_shrinkage(trained, feature_columns(architectures))
    assert not any(alone.alike)

    def error(expected: list[float]) -> float:
        return sum((one - other) ** 2 for one, other in zip(expected, truths, strict=True))

    by_others = error([helped(own, alike) for own, alike in zip(trained, helped.alike, strict=True)])
    assert by_others < 0.6 * error([alone(own) for own in trained])
