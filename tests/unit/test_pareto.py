"""Fronts, hypervolume and knee, tested against their definitions."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.results.pareto import dominates, hypervolume, knee, non_dominated

coordinates = st.integers(0, 8).map(float)


def points(dimensions: int) -> st.SearchStrategy:
    return st.lists(st.tuples(*[coordinates] * dimensions), max_size=12)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@given(data=st.data())
def test_the_front_is_the_non_dominated_set(dimensions: int, data: st.DataObject) -> None:
    cloud = data.draw(points(dimensions))
    front = {cloud[index] for index in non_dominated(cloud)}
    assert front == {point for point in cloud if not any(dominates(other, point) for other in cloud)}
    assert len(front) == len(non_dominated(cloud))


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@given(data=st.data())
def test_hypervolume_counts_the_dominated_cells(dimensions: int, data: st.DataObject) -> None:
    cloud = data.draw(points(dimensions))
    reference = data.draw(st.tuples(*[coordinates] * dimensions))
    # On integer points the dominated region is a union of unit cells.
    cells = itertools.product(*[range(int(limit)) for limit in reference])
    volume = sum(any(all(x <= c for x, c in zip(p, cell, strict=True)) for p in cloud) for cell in cells)
    assert hypervolume(cloud, reference) == pytest.approx(volume)


@given(points(2), st.tuples(coordinates, coordinates))
def test_a_further_point_never_shrinks_the_hypervolume(cloud: list, further: tuple) -> None:
    reference = (9.0, 9.0)
    assert hypervolume([*cloud, further], reference) >= hypervolume(cloud, reference)


def test_knee_is_the_bulge() -> None:
    front = [(0.0, 10.0), (1.0, 2.0), (5.0, 1.0), (10.0, 0.0)]
    assert knee(front) == 1
    assert knee([(3.0, 3.0)]) == 0


@given(points(2).filter(bool))
def test_knee_is_on_the_front(cloud: list) -> None:
    assert knee(cloud) in non_dominated(cloud)


def test_knee_of_nothing() -> None:
    with pytest.raises(ValueError, match="no points"):
        knee([])
