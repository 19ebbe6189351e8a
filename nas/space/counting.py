"""Counting, uniform sampling and enumeration of the members of a constrained space, without rejection.

Stages interact only through the width before each, the order of mixers and the sums, so that a member is a compatible
pair of a first and a second half. Halves are listed; pairs are only counted or looked up (meet in the middle: Horowitz
and Sahni, 1974).
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture, Blueprint, Stage
from nas.errors import ParameterError
from nas.space.constraint import Constraints

# More halves do not fit in memory, and more pairs take minutes; a space of four stages stays below both.
MAX_HALVES = 3_000_000
MAX_PAIRS = 4_000_000_000
# Amounts are capped here, above every limit, so that a sum of two fits in 64 bits.
MAX_AMOUNT = 2**61
# The number of pairs compared at a time, which bounds memory.
CHUNK = 4_000_000


@dataclass(frozen=True)
class _Halves:
    """Sequences of stages, with the properties that a matching half depends on. `sums` has a column for each limit."""

    paths: list[tuple[Stage, ...]]
    outer_width: NDArray[np.int64]
    rank: NDArray[np.int64]
    sums: NDArray[np.int64]


def check_countable(choices: Sequence[int], widths: Sequence[int]) -> None:
    """Raises ParameterError if ConstrainedMembers would take too long or too much memory.

    `choices` and `widths` count the distinct stages and their widths, stage by stage.
    """
    middle = _middle(len(choices))
    firsts, seconds = math.prod(choices[:middle]), math.prod(choices[middle:])
    if firsts + seconds * widths[middle - 1] > MAX_HALVES or firsts * seconds > MAX_PAIRS:
        raise ParameterError(
            f"constraints on {len(choices)} stages of this many choices cannot be counted: "
            f"{firsts:,} runs of stages 1 to {middle} and {seconds:,} of those after; "
            f"at most {MAX_HALVES:,} together and {MAX_PAIRS:,} pairs"
        )


def _middle(stages: int) -> int:
    return (stages + 1) // 2


class ConstrainedMembers:
    """The members of a constrained space under one blueprint; `options` lists the distinct stages at each position.

    `check_countable` tells whether they can be counted.
    """

    def __init__(
        self, options: Sequence[Sequence[Stage]], recipe: str, blueprint: Blueprint, constraints: Constraints
    ) -> None:
        self._options = options
        self._recipe = recipe
        self._blueprint = blueprint
        self._constraints = constraints
        self._middle = _middle(len(options))
        self._cached_amounts: dict[tuple[Stage, int, int], tuple[int, ...]] = {}

    @property
    def size(self) -> int:
        return int(self._pairs.sum())

    def sample(self, generator: random.Random) -> Architecture:
        """Draw a member uniformly. Raises ParameterError when there is none."""
        if self.size == 0:
            raise ParameterError("no architecture keeps the constraints")
        ends = np.cumsum(self._pairs)
        first = int(np.searchsorted(ends, generator.randrange(self.size), side="right"))
        seconds = np.flatnonzero(self._fitting(slice(first, first + 1))[0])
        return self._member(first, int(generator.choice(seconds)))

    def __iter__(self) -> Iterator[Architecture]:
        for first in np.flatnonzero(self._pairs):
            for second in np.flatnonzero(self._fitting(slice(first, first + 1))[0]):
                yield self._member(int(first), int(second))

    def _member(self, first: int, second: int) -> Architecture:
        stages = self._firsts.paths[first] + self._seconds[0].paths[second]
        return Architecture(stages, self._recipe, self._blueprint)

    @cached_property
    def _pairs(self) -> NDArray[np.int64]:
        """The number of matching second halves for each first half."""
        seconds = max(1, len(self._seconds[0].paths))
        step = max(1, CHUNK // seconds)
        starts = range(0, len(self._firsts.paths), step)
        counts = [self._fitting(slice(start, start + step)).sum(1) for start in starts]
        return np.concatenate([np.zeros(0, np.int64), *counts])

    def _fitting(self, firsts: slice) -> NDArray[np.bool_]:
        """Return which second halves (columns) match the first halves (rows)."""
        left = self._firsts
        right = self._seconds
        widths = left.outer_width[firsts]
        fits = left.rank[firsts, None] <= right[0].rank[None]
        for column, limit in enumerate(self._constraints.limits):
            by_width = np.stack([halves.sums[:, column] for halves in right])
            totals = left.sums[firsts, None, column] + by_width[np.searchsorted(self._widths, widths)]
            fits &= (totals >= limit.least) & (totals <= limit.most)
        return fits

    @cached_property
    def _firsts(self) -> _Halves:
        return self._halves(0, self._middle, None)

    @cached_property
    def _widths(self) -> NDArray[np.int64]:
        """The possible last widths of a first half, ascending."""
        return np.array(sorted({stage.width for stage in self._options[self._middle - 1]}))

    @cached_property
    def _seconds(self) -> list[_Halves]:
        """The second halves after each of `_widths`, which determines their sums."""
        return [self._halves(self._middle, len(self._options), int(width)) for width in self._widths]

    def _halves(self, begin: int, end: int, width_before: int | None) -> _Halves:
        paths, sums, ranks = [], [], []
        for path in product(*self._options[begin:end]):
            path_ranks = list(self._constraints.ranks(path))
            if path_ranks != sorted(path_ranks):
                continue
            paths.append(path)
            sums.append(self._sums(path, begin, width_before))
            # The order across the halves depends on the first half's last rank and the second half's first rank.
            if begin == 0:
                ranks.append(path_ranks[-1] if path_ranks else -1)
            else:
                ranks.append(path_ranks[0] if path_ranks else len(self._options))
        columns = len(self._constraints.limits)
        return _Halves(
            paths,
            np.array([path[-1].width if path else 0 for path in paths], dtype=np.int64),
            np.array(ranks, dtype=np.int64),
            np.array(sums, dtype=np.int64).reshape(len(paths), columns),
        )

    def _sums(self, path: tuple[Stage, ...], begin: int, width_before: int | None) -> tuple[int, ...]:
        if not path or not self._constraints.limits:
            return (0,) * len(self._constraints.limits)
        width = path[0].width if width_before is None else width_before
        widths_before = (width, *(stage.width for stage in path[:-1]))
        amounts = [
            self._amounts(stage, stage_width_before, begin + i)
            for i, (stage, stage_width_before) in enumerate(zip(path, widths_before, strict=True))
        ]
        return tuple(min(sum(column), MAX_AMOUNT) for column in zip(*amounts, strict=True))

    def _amounts(self, stage: Stage, width_before: int, index: int) -> tuple[int, ...]:
        cache_key = (stage, width_before, index)
        if cache_key not in self._cached_amounts:
            # The other stages only set the position and the width before it.
            other = Stage(stage.mixer, 1, width_before)
            stages = (other,) * index + (stage,) + (other,) * (len(self._options) - index - 1)
            architecture = Architecture(stages, self._recipe, self._blueprint)
            self._cached_amounts[cache_key] = self._constraints.amounts(architecture, index)
        return self._cached_amounts[cache_key]
