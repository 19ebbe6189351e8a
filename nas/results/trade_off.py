"""The accuracy that the best trade-off of a front gives up against its most accurate member, in words."""

import math
from collections.abc import Sequence

from nas.results.front import NORMAL_90, Result
from nas.results.pareto import knee


def trade_off(members: Sequence[Result]) -> list[str]:
    """Return one line on the front's knee and its most accurate member, with the difference's 90% interval.

    None where they are the same, or the members were not trained at a target.
    """
    if len(members) < 2 or any(member.final is None for member in members):
        return []
    chosen = members[knee([member.losses for member in members])]
    best = max(members, key=lambda member: member.accuracy)
    if chosen is best:
        return []
    loss = 100 * (best.accuracy - chosen.accuracy)
    margin = 100 * NORMAL_90 * math.hypot(best.standard_error, chosen.standard_error)
    interval = f"{loss - margin:.1f} to {loss + margin:.1f}"
    return [f"{_named(chosen)} loses {loss:.1f}% ({interval}) against {_named(best)}"]


def _named(member: Result) -> str:
    return f"{member.trial.architecture.layout} (trial {member.trial.number}) at {member.latency.median:.3g} ms"
