"""Members of a front that can be told apart."""

import statistics
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nas.pareto import non_dominated
from nas.told_apart import told_apart

fractions = st.floats(0.01, 0.99)
WORST = (10.0, 1.0)


@st.composite
def fronts(draw: st.DrawFn) -> list[tuple[float, float]]:
    points = draw(st.lists(st.tuples(st.floats(1.0, 9.0), fractions), min_size=1, max_size=12, unique=True))
    return [points[index] for index in non_dominated(points)]


@given(fronts())
def test_all_can_be_while_nothing_is_known_of_seeds(losses: list[tuple[float, float]]) -> None:
    assert told_apart(losses, [0.0] * len(losses), WORST) == list(range(len(losses)))


@given(fronts(), st.floats(0.001, 0.3))
def test_the_cheapest_stays_and_nine_of_ten_are_likelier_than_not(
    losses: list[tuple[float, float]], doubt: float
) -> None:
    kept = told_apart(losses, [doubt] * len(losses), WORST)
    assert kept[0] == 0
    assert kept == sorted(set(kept))
    gains = [losses[one][1] - losses[other][1] for one, other in pairwise(kept)]
    likely = [statistics.NormalDist().cdf(gain / (doubt * 2**0.5)) for gain in gains]
    assert statistics.fmean([1.0, *likely]) >= 0.9


def test_in_a_dense_front_both_ends_are_kept_and_no_two_neighbours() -> None:
    losses = [(1.0 + 0.1 * step, 0.3 - 0.004 * step) for step in range(11)]
    kept = told_apart(losses, [0.01] * 11, WORST)
    assert (kept[0], kept[-1]) == (0, 10)
    assert len(kept) < 5
    assert told_apart(losses, [0.001] * 11, WORST) == list(range(11))


def test_what_is_known_well_stays() -> None:
    losses = [(1.0, 0.3), (2.0, 0.29)]
    assert told_apart(losses, [0.001, 0.001], WORST) == [0, 1]
    assert told_apart(losses, [0.03, 0.03], WORST) == [0]


def test_many_members_are_sorted_out_at_once() -> None:
    losses = [(1.0 + 0.01 * step, 0.9 - 0.003 * step) for step in range(200)]
    kept = told_apart(losses, [0.01] * 200, (4.0, 1.0))
    assert 10 < len(kept) < 60
