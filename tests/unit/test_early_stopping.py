"""Early stopping at a rung."""

import random

from hypothesis import given
from hypothesis import strategies as st

from nas.results.pareto import dominates
from nas.study.early_stopping import MIN_TRIALS_AT_RUNG, Rung, rungs

points = st.tuples(st.floats(0, 1), st.floats(0.1, 10))


def test_rungs_are_powers_of_two_before_the_last_epoch() -> None:
    assert rungs(1) == ()
    assert rungs(4) == (1, 2)
    assert rungs(8) == (1, 2, 4)
    assert rungs(9) == (1, 2, 4, 8)


def test_a_fast_trial_is_not_stopped_for_being_less_accurate_than_slow_ones() -> None:
    rung = Rung()
    for number in range(30):
        rung.should_continue((0.1 + 0.001 * number, 5.0 + number))
    assert rung.should_continue((0.6, 1.0))


def test_a_trial_that_is_clearly_dominated_is_stopped() -> None:
    rung = Rung()
    for number in range(30):
        rung.should_continue((0.2 + 0.01 * number, 1.0 + 0.1 * number))
    assert not rung.should_continue((0.9, 4.5))


def test_noise_is_tolerated() -> None:
    """A trial continues that is behind the front by less than the rung's spread."""
    rung = Rung()
    generator = random.Random(0)
    for _ in range(40):
        rung.should_continue((generator.uniform(0.2, 0.6), 2.0))
    best = min(first for first, _ in rung._points)
    assert rung.should_continue((best + 0.02, 2.0))


@given(st.lists(points, min_size=MIN_TRIALS_AT_RUNG, max_size=40))
def test_the_rungs_front_always_continues(trials: list[tuple[float, float]]) -> None:
    rung = Rung()
    for number, point in enumerate(trials):
        should_continue = rung.should_continue(point)
        if not any(dominates(other, point) for other in trials[:number]):
            assert should_continue
