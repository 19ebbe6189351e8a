"""The candidates of a proposal: random members, some new ones each time, and the neighbours of good ones."""

import copy
import random
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture
from nas.samplers.ehvi.encoding import Encoding, Row
from nas.samplers.setting import ArchitectureMetric
from nas.space import Space

Floats = NDArray[np.float64]
# Random members drawn for each step, and the number of the last steps whose members are candidates.
BATCH_SIZE, BATCHES = 64, 10


class CandidatePool:
    """Members of a space, with what `metrics` know of them."""

    def __init__(self, space: Space, encoding: Encoding, metrics: Sequence[ArchitectureMetric], seed: int) -> None:
        self._space = space
        self._encoding = encoding
        self._metrics = metrics
        self._seed = seed
        self._batches: dict[int, list[Row]] = {}
        self._members: dict[Row, Architecture | None] = {}
        self._metrics_cache: dict[Row, tuple[float, ...]] = {}
        self._neighbours_cache: dict[Row, list[Row]] = {}
        # Where the space has no constraints, any choices make a member.
        self._is_free = space.is_free
        self._all = [self._row(member) for member in space] if space.size <= BATCH_SIZE * BATCHES else None
        if self._all is not None:
            random.Random(seed).shuffle(self._all)  # noqa: S311 - draws, not secrets

    def with_metrics(self, metrics: Sequence[ArchitectureMetric]) -> "CandidatePool":
        """Return a pool of the same members with other metrics."""
        other = copy.copy(self)
        other._metrics, other._metrics_cache = metrics, {}
        return other

    def random(self, step: int) -> list[Row]:
        """Return hundreds of random members, which depend on the seed and the step alone; all of a smaller space."""
        if self._all is not None:
            return self._all
        steps = range(step - BATCHES + 1, step + 1)
        batches = {drawn_at: self._batches.get(drawn_at) or self._draw(drawn_at) for drawn_at in steps}
        self._batches = batches
        return list(dict.fromkeys(row for batch in batches.values() for row in batch))

    def first_unused(self, is_used: Callable[[Row], bool]) -> list[Row]:
        """Return the first member that is not used, none where all are."""
        rows = (self._encoding.row(self._space.encode(member)) for member in self._space)
        return list(islice((row for row in rows if not is_used(row)), 1))

    def allows(self, row: Row) -> bool:
        """Whether the space's constraints allow it."""
        return self._is_free or self._member(row) is not None

    def neighbours(self, rows: Iterable[Row]) -> list[Row]:
        """Return the members that differ from one of these in one choice."""
        return list(dict.fromkeys(neighbour for row in rows for neighbour in self._neighbours_of(row)))

    def metrics(self, rows: Sequence[Row]) -> Floats:
        """Return (members, metrics), NaN where unknown."""
        values = [self._metrics_cache.get(row) or self._evaluate(row) for row in rows] if self._metrics else []
        return np.array(values, dtype=np.float64).reshape(len(rows), len(self._metrics))

    def invalidate_metrics(self) -> None:
        """Drop the cached metrics: unknown ones may be known by now."""
        self._metrics_cache.clear()

    def _neighbours_of(self, row: Row) -> list[Row]:
        if row not in self._neighbours_cache:
            neighbours: dict[Row, None] = {}
            own = self._encoding.indices([row])
            for position, size in enumerate(self._encoding.sizes):
                others = np.repeat(own, size, 0)
                others[:, position] = np.arange(size)
                neighbours |= dict.fromkeys(self._encoding.rows(others))
            neighbours.pop(row, None)
            self._neighbours_cache[row] = [neighbour for neighbour in neighbours if self.allows(neighbour)]
        return self._neighbours_cache[row]

    def _draw(self, step: int) -> list[Row]:
        if self._is_free:
            draws = np.random.default_rng((self._seed, step + BATCHES)).integers(
                0, self._encoding.sizes, (BATCH_SIZE, len(self._encoding.sizes))
            )
            return self._encoding.rows(draws)
        generator = random.Random(f"{self._seed}:{step}")  # noqa: S311 - draws, not secrets
        return [self._row(self._space.sample(generator)) for _ in range(BATCH_SIZE)]

    def _row(self, member: Architecture) -> Row:
        row = self._encoding.row(self._space.encode(member))
        self._members[row] = member
        return row

    def _evaluate(self, row: Row) -> tuple[float, ...]:
        member = self._member(row)
        numbers = (metric(member) if member is not None else None for metric in self._metrics)
        values = self._metrics_cache[row] = tuple(np.nan if number is None else number for number in numbers)
        return values

    def _member(self, row: Row) -> Architecture | None:
        """Return the architecture of a row, None where the space's constraints forbid it."""
        if row not in self._members:
            architecture = self._space.compose(self._encoding.parameters(row))
            self._members[row] = architecture if self._space.allows(architecture) else None
        return self._members[row]
