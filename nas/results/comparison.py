"""Comparison of a front with baselines: pure functions of points, and a conclusion in words.

A point holds a network's losses: its costs, then its negated accuracy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas.objective import ACCURACY
from nas.results.pareto import Point, dominates


@dataclass(frozen=True)
class Comparison:
    """The comparison of one baseline with a front.

    `rival` is the index of the most accurate member that costs no more, and `gain` its accuracy less the baseline's;
    both are None where every member costs more in some objective. `dominated` holds the indices of the members that the
    baseline dominates.
    """

    name: str
    rival: int | None
    gain: float | None
    dominated: tuple[int, ...]


def rival_of(baseline: Point, members: Sequence[Point]) -> int | None:
    """Return the index of the most accurate member that costs no more than the baseline in any objective."""
    affordable = [
        index
        for index, member in enumerate(members)
        if all(cost <= limit for cost, limit in zip(member[:-1], baseline[:-1], strict=True))
    ]
    return min(affordable, key=lambda index: members[index][-1], default=None)


def compare(baselines: Mapping[str, Point], members: Sequence[Point]) -> list[Comparison]:
    """Compare each baseline, by name, with the members of a front."""
    return [
        Comparison(
            name,
            rival := rival_of(point, members),
            None if rival is None else point[-1] - members[rival][-1],
            tuple(index for index, member in enumerate(members) if dominates(point, member)),
        )
        for name, point in baselines.items()
    ]


def conclusion(
    comparisons: Sequence[Comparison], members: int, costs: str = "latency", measure: str = ACCURACY.name
) -> list[str]:
    """Return the conclusion in one or two lines; none without baselines or without members.

    `members` is the number of members of the front, `costs` names its objectives besides accuracy, and
    `measure` is the label of the measure of accuracy (nas.results.metric).
    """
    if not comparisons or not members:
        return []
    return [*_dominance(comparisons, members), *_closest(comparisons, members, costs, measure)]


def _dominance(comparisons: Sequence[Comparison], members: int) -> list[str]:
    dominating = [comparison.name for comparison in comparisons if len(comparison.dominated) == members]
    if dominating:
        return [f"{_listed(dominating)} {'dominates' if len(dominating) == 1 else 'dominate'} the front"]
    partial = sorted(
        (comparison for comparison in comparisons if comparison.dominated),
        key=lambda comparison: -len(comparison.dominated),
    )
    if not partial:
        return []
    if len(partial) == 1:
        return [f"{partial[0].name} dominates {len(partial[0].dominated)} of {members} members of the front"]
    dominated = len({index for comparison in partial for index in comparison.dominated})
    names = _listed([f"{comparison.name} ({len(comparison.dominated)})" for comparison in partial])
    verb = "is" if dominated == 1 else "are"
    return [f"{dominated} of {members} members of the front {verb} dominated by baselines: {names}"]


def _closest(comparisons: Sequence[Comparison], members: int, costs: str, measure: str) -> list[str]:
    """Describe the baseline with the smallest gain, among those that do not dominate the whole front."""
    others = [comparison for comparison in comparisons if len(comparison.dominated) < members]
    gains = [(comparison.gain, comparison.name) for comparison in others if comparison.gain is not None]
    if not gains:
        line = f"no member of the front is within the {costs} of any baseline"
        return [line] if len(others) == len(comparisons) else []
    gain, name = min(gains)
    is_plain = measure == ACCURACY.name
    more, equally = ("more accurate", "as accurate") if is_plain else (f"better in {measure}", f"as good in {measure}")
    closest = f", the closest of {len(gains)} baselines" if len(gains) > 1 else ""
    if gain < 0:
        return [f"{name} is {-gain:.1%} {more} than the front at its {costs}"]
    if gain == 0:
        return [f"the front is {equally} as {name} at its {costs}{closest}"]
    return [f"the front is {gain:.1%} {more} than {name} at its {costs}{closest}"]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
