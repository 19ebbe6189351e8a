"""A front beside networks that are known anyway: pure functions of points, and the conclusion in plain words.

A point is a network's losses: its costs, then its negated accuracy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas.results.pareto import Point, dominates


@dataclass(frozen=True)
class Comparison:
    """A baseline beside a front.

    `rival` is the index of the most accurate member that costs no more, `gain` how much more accurate it is; None where
    every member costs more in something. `dominated` are the indices of the members that the baseline dominates.
    """

    name: str
    rival: int | None
    gain: float | None
    dominated: tuple[int, ...]


def rival_of(baseline: Point, members: Sequence[Point]) -> int | None:
    """The index of the most accurate member of those that cost no more than the baseline in any objective."""
    affordable = [
        index
        for index, member in enumerate(members)
        if all(cost <= limit for cost, limit in zip(member[:-1], baseline[:-1], strict=True))
    ]
    return min(affordable, key=lambda index: members[index][-1], default=None)


def compare(baselines: Mapping[str, Point], members: Sequence[Point]) -> list[Comparison]:
    """Each baseline, by its name, beside the members of a front."""
    return [
        Comparison(
            name,
            rival := rival_of(point, members),
            None if rival is None else point[-1] - members[rival][-1],
            tuple(index for index, member in enumerate(members) if dominates(point, member)),
        )
        for name, point in baselines.items()
    ]


def conclusion(comparisons: Sequence[Comparison], members: int, costs: str = "latency") -> list[str]:
    """What the comparison with a front of so many members comes to, a line each; nothing without one of the two.

    `costs` names what the front is judged by besides accuracy.
    """
    if not comparisons or not members:
        return []
    return [*_dominance(comparisons, members), *_closest(comparisons, members, costs)]


def _dominance(comparisons: Sequence[Comparison], members: int) -> list[str]:
    whole = [each.name for each in comparisons if len(each.dominated) == members]
    if whole:
        return [f"{_listed(whole)} {'dominates' if len(whole) == 1 else 'dominate'} the front"]
    partial = sorted((each for each in comparisons if each.dominated), key=lambda each: -len(each.dominated))
    if not partial:
        return []
    if len(partial) == 1:
        return [f"{partial[0].name} dominates {len(partial[0].dominated)} of {members} members of the front"]
    dominated = len({index for each in partial for index in each.dominated})
    names = _listed([f"{each.name} ({len(each.dominated)})" for each in partial])
    verb = "is" if dominated == 1 else "are"
    return [f"{dominated} of {members} members of the front {verb} dominated by baselines: {names}"]


def _closest(comparisons: Sequence[Comparison], members: int, costs: str) -> list[str]:
    """The baseline that the front gains least over, of those that do not dominate all of it."""
    others = [each for each in comparisons if len(each.dominated) < members]
    gains = [(each.gain, each.name) for each in others if each.gain is not None]
    if not gains:
        nothing = f"no member of the front is within the {costs} of any baseline"
        return [nothing] if len(others) == len(comparisons) else []
    gain, name = min(gains)
    beside = f", the closest of {len(gains)} baselines" if len(gains) > 1 else ""
    if gain < 0:
        return [f"{name} is {-gain:.1%} more accurate than the front at its {costs}"]
    if gain == 0:
        return [f"the front is as accurate as {name} at its {costs}{beside}"]
    return [f"the front is {gain:.1%} more accurate than {name} at its {costs}{beside}"]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
