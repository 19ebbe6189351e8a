"""Ladders of fidelities: their rungs, predictions of accuracies at the target, and what is promoted."""

import math
import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.results.ladder import Ladder, predict_targets
from nas.results.settings import ComparableSettings
from nas.study.ladder_choice import MIN_RATIO, ladder_of, target_within
from nas.trial import Fidelity

fidelities = st.builds(Fidelity, st.integers(10, 100_000), st.integers(1, 100))


@given(fidelities, fidelities)
def test_each_rung_presents_more_images_than_the_one_below(base: Fidelity, largest: Fidelity) -> None:
    target = target_within(base, Fidelity(max(base.images, largest.images), 100 * largest.epochs), 50.0)
    if target is None:
        return
    rungs = ladder_of(base, target).rungs
    assert (rungs[0], rungs[-1]) == (base, target)
    assert len(rungs) >= 2
    assert all(below.images <= above.images for below, above in pairwise(rungs))
    assert all(below.presented < 1.05 * above.presented for below, above in pairwise(rungs))


@given(fidelities, st.floats(0.1, 1000))
def test_a_target_is_worth_its_time_or_there_is_none(base: Fidelity, ratio: float) -> None:
    worthwhile = Fidelity(4 * base.images, 3 * base.epochs)
    target = target_within(base, worthwhile, ratio)
    if ratio < MIN_RATIO:
        assert target is None
    else:
        assert target is not None
        assert target.images <= worthwhile.images
        assert base.presented < target.presented <= worthwhile.presented * 1.5


def test_a_ladder_is_read_as_it_was_recorded() -> None:
    ladder = Ladder((Fidelity(100, 2), Fidelity(400, 2), Fidelity(400, 8)))
    assert ComparableSettings({"ladder": ladder.as_setting()}).ladder == ladder
    assert ComparableSettings({}).ladder is None


def accuracies(count: int, known: int, seed: int, noise: float = 0.02) -> tuple[list[list[float | None]], list[float]]:
    """Accuracies on three rungs whose log errors are linear in those below, and the true ones at the top."""
    generator = random.Random(seed)
    rows: list[list[float | None]] = []
    truths = []
    for index in range(count):
        first = math.log(generator.uniform(0.3, 0.6))
        second = first - 0.3 + generator.gauss(0, noise)
        third = 0.8 * second - 0.4 + generator.gauss(0, noise)
        climbed = index < known
        rows.append(
            [1 - math.exp(first), 1 - math.exp(second) if climbed else None, 1 - math.exp(third) if climbed else None]
        )
        truths.append(1 - math.exp(third))
    return rows, truths


def test_predictions_follow_those_that_climbed() -> None:
    rows, truths = accuracies(60, known=10, seed=1)
    predictions = predict_targets(rows, np.zeros((60, 0)))
    assert [prediction.sd for prediction in predictions[:10]] == [0.0] * 10
    errors = [prediction.mean - truth for prediction, truth in zip(predictions, truths, strict=True)]
    assert np.abs(errors[:10]).max() < 1e-9
    assert np.sqrt(np.mean(np.square(errors[10:]))) < 0.02


@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_intervals_hold_as_often_as_they_say(noise: float) -> None:
    inside = []
    for seed in range(20):
        rows, truths = accuracies(40, known=8, seed=seed, noise=noise)
        predictions = predict_targets(rows, np.zeros((40, 0)))
        inside += [
            abs(prediction.mean - truth) < 1.645 * prediction.sd
            for prediction, truth in list(zip(predictions, truths, strict=True))[8:]
        ]
    assert 0.8 < np.mean(inside) <= 1.0


def test_a_bias_of_an_architectures_kind_is_learnt() -> None:
    generator = random.Random(0)
    is_slow = [index % 2 == 0 for index in range(40)]
    rows: list[list[float | None]] = []
    for index in range(40):
        first = math.log(generator.uniform(0.3, 0.5))
        rows.append([1 - math.exp(first), 1 - math.exp(first - 0.2 - 0.5 * is_slow[index]) if index < 16 else None])
    columns = np.array([[1.0 if slow else -1.0] for slow in is_slow])
    predicted = predict_targets(rows, columns)
    gains = [math.log((1 - row[0]) / (1 - prediction.mean)) for row, prediction in zip(rows, predicted, strict=True)]  # type: ignore[operator]
    slow = np.mean([gain for gain, kind in zip(gains[16:], is_slow[16:], strict=True) if kind])
    fast = np.mean([gain for gain, kind in zip(gains[16:], is_slow[16:], strict=True) if not kind])
    assert slow - fast == pytest.approx(0.5, abs=0.15)


def test_without_any_that_climbed_the_order_is_that_of_the_trials() -> None:
    predictions = predict_targets([[0.5, None], [0.7, None], [0.6, None]], np.zeros((3, 0)))
    assert predictions[0].mean < predictions[2].mean < predictions[1].mean
    assert all(prediction.sd > 0 for prediction in predictions)
