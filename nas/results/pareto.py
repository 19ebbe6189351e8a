"""Pareto fronts of points, all coordinates to be minimised: non-dominated set, hypervolume, knee."""

import math
from collections.abc import Sequence

Point = tuple[float, ...]


def dominates(a: Point, b: Point) -> bool:
    """Whether `a` is at least as good as `b` in every coordinate and better in one."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


def non_dominated(points: Sequence[Point]) -> list[int]:
    """Return the indices of the points that no other point dominates, ordered by the first coordinate.

    Only the earliest of equal points is kept: a front lists each trade-off once.
    """
    front: list[int] = []
    # In lexicographic order a point can only be dominated by, or equal to, one that came before it.
    order = sorted(range(len(points)), key=points.__getitem__)
    if points and len(points[0]) == 2:
        # With two coordinates, the last point kept has the lowest second coordinate.
        for index in order:
            if not front or points[index][1] < points[front[-1]][1]:
                front.append(index)
        return front
    for index in order:
        point = points[index]
        if not any(all(x <= y for x, y in zip(points[kept], point, strict=True)) for kept in front):
            front.append(index)
    return front


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Return the volume that `points` dominate within the box below `reference`.

    Hypervolume by slicing objectives (While et al., 2006): exact in any number of coordinates, fast in two or three.
    Points beyond the reference contribute nothing.
    """
    inside = [point for point in points if all(x < r for x, r in zip(point, reference, strict=True))]
    front = [inside[index] for index in non_dominated(inside)]
    if not front:
        return 0.0
    if len(reference) == 1:
        return reference[0] - front[0][0]
    ends = [*(point[0] for point in front[1:]), reference[0]]
    if len(reference) == 2:
        # Up to each slab, the last point has the lowest second coordinate.
        return sum((end - x) * (reference[1] - y) for (x, y), end in zip(front, ends, strict=True))
    volume = 0.0
    for index, (point, end) in enumerate(zip(front, ends, strict=True)):
        slab = [other[1:] for other in front[: index + 1]]
        volume += (end - point[0]) * hypervolume(slab, reference[1:])
    return volume


def knee(points: Sequence[Point]) -> int:
    """Return the index of the front's point farthest below the line between its ends, coordinates scaled to [0, 1].

    The bulge of Das (1999), for two coordinates: beyond it, giving up more of one objective gains little of the other.

    Raises ValueError without points.
    """
    if not points:
        raise ValueError("no points")
    spans = [(min(column), max(column)) for column in zip(*points, strict=True)]

    def scaled_sum(index: int) -> float:
        return math.fsum(
            (value - low) / (high - low) if high > low else 0.0
            for value, (low, high) in zip(points[index], spans, strict=True)
        )

    return min(non_dominated(points), key=scaled_sum)
