"""The region of interest of a study: the part of the objectives' space that a user would choose a network from.

A network that is less accurate than the median trial is of no use, however fast it is. So hypervolume is measured from
that accuracy, and from the slowest result, unless the user's limits (nas.results.limits) say where the region ends.
"""

import statistics
from collections.abc import Sequence

from nas.objective import ACCURACY, LATENCY
from nas.results.front import Result, front, ordered_objectives
from nas.results.limits import Limits
from nas.results.pareto import Point, hypervolume
from nas.results.settings import ComparableSettings

# With fewer results the median is no guide, and the worst accuracy takes its place.
MIN_RESULTS_FOR_MEDIAN = 4


def within(candidates: Sequence[Result], limits: Limits) -> list[Result]:
    """Return the results that keep these limits by the figures that are shown."""
    return [
        candidate
        for candidate in candidates
        if limits.allow_latency(candidate.latency.median) and limits.allow_accuracy(candidate.accuracy)
    ]


def reference_point(points: Sequence[Point], settings: ComparableSettings) -> Point:
    """Return the worst corner of the region of interest, as losses, of a study with results at these points.

    Its accuracy is the least acceptable one, else the median. Its latency is the limit, else the worst; other
    objectives have their worst figures. `points` are those of the results within the study's limits.
    """
    limits = settings.limits
    corner = []
    for objective, losses in zip(ordered_objectives(settings), zip(*points, strict=True), strict=True):
        loss = max(losses)
        if objective.name == ACCURACY.name and limits.min_accuracy is not None:
            loss = objective.loss(limits.min_accuracy)
        elif objective.name == ACCURACY.name and len(points) >= MIN_RESULTS_FOR_MEDIAN:
            loss = statistics.median(losses)
        elif objective.name == LATENCY.name and limits.max_latency_ms is not None:
            loss = limits.max_latency_ms
        corner.append(loss)
    return tuple(corner)


def front_hypervolume(candidates: Sequence[Result], settings: ComparableSettings) -> float:
    """Return the front's hypervolume in the region of interest: accuracy times milliseconds, or other objectives.

    The region is that of the present results: the hypervolume compares moments of one study, not studies.
    """
    points = [candidate.losses for candidate in candidates if candidate.is_within_limits]
    if not points:
        return 0.0
    return hypervolume([member.losses for member in front(candidates)], reference_point(points, settings))
