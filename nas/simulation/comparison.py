"""Samplers compared on one table: their searches, and the course of their shares over trials."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas.simulation.replay import ReplayResult
from nas.simulation.replay_options import ReplayOptions


@dataclass(frozen=True)
class ShareCurve:
    """Share of the best possible hypervolume after each trial: the mean, the worst and the best seed's."""

    mean: tuple[float, ...]
    worst: tuple[float, ...]
    best: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    """Searches of each sampler, one for each seed from 0 on. `reference` is (error, latency_ms)."""

    table: str
    row_count: int
    objectives: Sequence[str]
    seeds: int
    options: ReplayOptions
    reference: tuple[float, float]
    searches: Mapping[str, Sequence[ReplayResult]]

    def curve(self, sampler: str) -> ShareCurve:
        """Summarise a sampler's seeds. A search that ended early keeps its last share."""
        courses = [search.course for search in self.searches[sampler]]
        length = max(map(len, courses))
        by_trial = list(zip(*(course + course[-1:] * (length - len(course)) for course in courses), strict=True))
        return ShareCurve(
            tuple(statistics.fmean(shares) for shares in by_trial),
            tuple(min(shares) for shares in by_trial),
            tuple(max(shares) for shares in by_trial),
        )
