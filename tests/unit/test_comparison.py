"""Comparison of a front with baselines: its properties, and its conclusion in words."""

from hypothesis import given
from hypothesis import strategies as st

from nas.results.comparison import Comparison, compare, conclusion, rival_of
from nas.results.pareto import Point, dominates

FIGURES = st.integers(0, 6).map(lambda number: number / 6)
POINTS = st.tuples(FIGURES, FIGURES.map(lambda accuracy: -accuracy))
MEMBERS = st.lists(POINTS, min_size=1, max_size=6)


@given(POINTS, MEMBERS)
def test_the_rival_is_the_most_accurate_of_those_at_most_as_slow(baseline: Point, members: list[Point]) -> None:
    affordable = [member for member in members if member[0] <= baseline[0]]
    rival = rival_of(baseline, members)
    assert (rival is None) == (not affordable)
    if rival is not None:
        assert members[rival] in affordable
        assert members[rival][1] == min(member[1] for member in affordable)


@given(POINTS, MEMBERS)
def test_there_is_no_gain_over_a_baseline_that_dominates_the_rival(baseline: Point, members: list[Point]) -> None:
    (comparison,) = compare({"cnn": baseline}, members)
    assert [index for index, member in enumerate(members) if dominates(baseline, member)] == list(comparison.dominated)
    if comparison.rival is not None and comparison.rival in comparison.dominated:
        assert comparison.gain is not None
        assert comparison.gain <= 0


@given(st.dictionaries(st.sampled_from("abcd"), POINTS, min_size=1), MEMBERS)
def test_the_conclusion_says_who_dominates(baselines: dict[str, Point], members: list[Point]) -> None:
    comparisons = compare(baselines, members)
    lines = conclusion(comparisons, len(members))
    is_whole = any(len(comparison.dominated) == len(members) for comparison in comparisons)
    assert any(line.endswith(("dominates the front", "dominate the front")) for line in lines) == is_whole
    assert 1 <= len(lines) <= 2


@given(POINTS, MEMBERS, st.floats(0.1, 10))
def test_the_unit_of_latency_does_not_matter(baseline: Point, members: list[Point], factor: float) -> None:
    def scaled(point: Point) -> Point:
        return (point[0] * factor, point[1])

    assert compare({"cnn": baseline}, members) == compare(
        {"cnn": scaled(baseline)}, [scaled(member) for member in members]
    )


def compared(name: str, gain: float | None, *dominated: int) -> Comparison:
    return Comparison(name, None if gain is None else 0, gain, dominated)


def test_conclusions() -> None:
    assert conclusion([compared("resnet10t", 0.041)], 3) == [
        "the front is 4.1% more accurate than resnet10t at its latency"
    ]
    assert conclusion([compared("cnn", -0.02, 0, 1)], 2) == ["cnn dominates the front"]
    assert conclusion([compared("a", 0.03), compared("b", 0.01), compared("c", None)], 2) == [
        "the front is 1.0% more accurate than b at its latency, the closest of 2 baselines"
    ]
    assert conclusion([compared("a", -0.1, 0, 1), compared("b", 0.01, 1), compared("c", 0.2)], 3, "macs") == [
        "2 of 3 members of the front are dominated by baselines: a (2) and b (1)",
        "a is 10.0% more accurate than the front at its macs",
    ]
    assert conclusion([compared("a", 0.2, 0)], 4)[0] == "a dominates 1 of 4 members of the front"
    assert conclusion([compared("a", None)], 2) == ["no member of the front is within the latency of any baseline"]
    assert conclusion([compared("a", 0.1)], 2, measure="macro F1") == [
        "the front is 10.0% better in macro F1 than a at its latency"
    ]
    assert conclusion([compared("a", 0.0)], 2, measure="macro F1") == [
        "the front is as good in macro F1 as a at its latency"
    ]
    assert conclusion([], 2) == conclusion([compared("a", 0.1)], 0) == []
