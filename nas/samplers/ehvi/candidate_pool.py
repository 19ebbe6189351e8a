"""Candidates to choose from: members drawn at random, some new ones each time, and the neighbours of good ones."""

import copy
import random
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture
from nas.samplers.ehvi.encoding import Encoding, Row
from nas.samplers.setting import Cost
from nas.space import Space

Floats = NDArray[np.float64]
# So many random members are new each time; those of so many times before are looked at again.
NEW, TIMES = 64, 10


class CandidatePool:
    """Of a space's members, and of what `costs` know of them."""

    def __init__(self, space: Space, encoding: Encoding, costs: Sequence[Cost], seed: int) -> None:
        self._space = space
        self._encoding = encoding
        self._costs = costs
        self._seed = seed
        self._batches: dict[int, list[Row]] = {}
        self._members: dict[Row, Architecture | None] = {}
        self._known: dict[Row, tuple[float, ...]] = {}
        self._near: dict[Row, list[Row]] = {}
        # Where nothing is forbidden, choices by themselves make a member.
        self._is_free = space.is_free
        self._all = [self._row(member) for member in space] if space.size <= NEW * TIMES else None
        if self._all is not None:
            random.Random(seed).shuffle(self._all)  # noqa: S311 - draws, not secrets

    def of(self, costs: Sequence[Cost]) -> "CandidatePool":
        """The same members, and what these know of them."""
        other = copy.copy(self)
        other._costs, other._known = costs, {}
        return other

    def random(self, time: int) -> list[Row]:
        """Hundreds of members at random, by the seed and the time alone; all of a space that has no more."""
        if self._all is not None:
            return self._all
        batches = {each: self._batches.get(each) or self._drawn(each) for each in range(time - TIMES + 1, time + 1)}
        self._batches = batches
        return list(dict.fromkeys(row for batch in batches.values() for row in batch))

    def first(self, is_taken: Callable[[Row], bool]) -> list[Row]:
        """The first member that is not taken, none where all are."""
        rows = (self._encoding.row(self._space.encode(member)) for member in self._space)
        return list(islice((row for row in rows if not is_taken(row)), 1))

    def holds(self, row: Row) -> bool:
        """Whether the space's constraints allow it."""
        return self._is_free or self._member(row) is not None

    def near(self, rows: Iterable[Row]) -> list[Row]:
        """The members that differ from one of these in one choice."""
        return list(dict.fromkeys(other for row in rows for other in self._neighbours(row)))

    def costs(self, rows: Sequence[Row]) -> Floats:
        """(members, costs), NaN where unknown."""
        found = [self._known.get(row) or self._found_costs(row) for row in rows] if self._costs else []
        return np.array(found, dtype=np.float64).reshape(len(rows), len(self._costs))

    def forget_costs(self) -> None:
        """More may be known by now."""
        self._known.clear()

    def _neighbours(self, row: Row) -> list[Row]:
        if row not in self._near:
            found: dict[Row, None] = {}
            own = self._encoding.indices([row])
            for place, size in enumerate(self._encoding.sizes):
                others = np.repeat(own, size, 0)
                others[:, place] = np.arange(size)
                found |= dict.fromkeys(self._encoding.rows(others))
            found.pop(row, None)
            self._near[row] = [other for other in found if self.holds(other)]
        return self._near[row]

    def _drawn(self, time: int) -> list[Row]:
        if self._is_free:
            draws = np.random.default_rng((self._seed, time + TIMES)).integers(
                0, self._encoding.sizes, (NEW, len(self._encoding.sizes))
            )
            return self._encoding.rows(draws)
        generator = random.Random(f"{self._seed}:{time}")  # noqa: S311 - draws, not secrets
        return [self._row(self._space.sample(generator)) for _ in range(NEW)]

    def _row(self, member: Architecture) -> Row:
        row = self._encoding.row(self._space.encode(member))
        self._members[row] = member
        return row

    def _found_costs(self, row: Row) -> tuple[float, ...]:
        member = self._member(row)
        costs = (cost(member) if member is not None else None for cost in self._costs)
        found = self._known[row] = tuple(np.nan if cost is None else cost for cost in costs)
        return found

    def _member(self, row: Row) -> Architecture | None:
        """None of a row that the space's constraints forbid."""
        if row not in self._members:
            architecture = self._space.compose(self._encoding.parameters(row))
            self._members[row] = architecture if self._space.allows(architecture) else None
        return self._members[row]
