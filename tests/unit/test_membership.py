"""Probabilities that networks belong to a front, and the accuracy that its best trade-off gives up."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.results.front import front, results
from nas.results.membership import front_probabilities
from nas.results.pareto import non_dominated
from nas.results.trade_off import trade_off
from nas.store.store import Store
from tests.studies import make_ladder_study

points = st.lists(st.tuples(st.floats(0.1, 10), st.floats(-1, 0)), min_size=1, max_size=8, unique=True)


@given(points)
def test_what_is_known_exactly_is_on_the_front_or_not(losses: list[tuple[float, float]]) -> None:
    probabilities = front_probabilities(losses, [0.0] * len(losses))
    on_front = {losses[index] for index in non_dominated(losses)}
    # Of networks that are equal in every respect but their place, and of ties in one, none is surely better.
    assert all(probability in (0.0, 1.0) for probability in probabilities)
    assert {point for point, probability in zip(losses, probabilities, strict=True) if probability} <= on_front


def test_near_equals_share_the_probability() -> None:
    fast, equal, slow = front_probabilities([(1.0, -0.80), (2.0, -0.80), (3.0, -0.95)], [0.01, 0.01, 0.01])
    assert fast == 1.0
    assert equal == pytest.approx(0.5, abs=0.05)
    assert slow > 0.99


def test_there_is_nobody_to_dominate_the_fastest() -> None:
    assert front_probabilities([(1.0, -0.1), (2.0, -0.9)], [0.3, 0.3])[0] == 1.0
    assert front_probabilities([], []) == []


def test_the_trade_off_has_its_interval(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_ladder_study(url, name="climbed", finals=8)
    with Store.open(url, create=False) as store:
        record = store.study()
        complete = results(store.trials(record.study_id), record.settings)
    members = front(complete)
    assert all(member.front_probability is not None for member in members)
    assert all((result.front_probability is None) == (result.final is None) for result in complete)
    lines = trade_off(members)
    assert len(lines) <= 1
    if lines:
        assert " loses " in lines[0]
        assert " against " in lines[0]
    assert trade_off(members[:1]) == []
