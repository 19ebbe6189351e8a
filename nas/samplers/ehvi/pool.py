"""Candidates to choose from: members drawn at random, some new ones each time, and the neighbours of good ones."""

import math
import random
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture
from nas.samplers.ehvi.encoding import Encoding, Indices
from nas.samplers.setting import Cost
from nas.space import Space

Floats = NDArray[np.float64]
# So many random members are new each time; those of so many times before are looked at again.
NEW, TIMES = 64, 10


class Pool:
    """Of a space's members as rows of indices, and of what `costs` know of them."""

    def __init__(self, space: Space, encoding: Encoding, costs: Sequence[Cost], seed: int) -> None:
        self._space = space
        self._encoding = encoding
        self._costs = costs
        self._seed = seed
        self._batches: dict[int, list[Indices]] = {}
        self._members: dict[bytes, Architecture | None] = {}
        self._known: dict[bytes, tuple[float, ...]] = {}
        self._near: dict[bytes, dict[bytes, Indices]] = {}
        # Where nothing is forbidden, choices by themselves make a member.
        self._is_free = space.size == math.prod(encoding.sizes.tolist())
        self._all = [self._row(member) for member in space] if space.size <= NEW * TIMES else None
        if self._all is not None:
            random.Random(seed).shuffle(self._all)  # noqa: S311 - draws, not secrets

    def random(self, time: int) -> list[Indices]:
        """Hundreds of members at random, by the seed and the time alone; all of a space that has no more."""
        if self._all is not None:
            return self._all
        batches = {each: self._batches.get(each) or self._drawn(each) for each in range(time - TIMES + 1, time + 1)}
        self._batches = batches
        return list({row.tobytes(): row for batch in batches.values() for row in batch}.values())

    def near(self, rows: Iterable[Indices]) -> list[Indices]:
        """The members that differ from one of these in one choice."""
        found: dict[bytes, Indices] = {}
        for row in rows:
            found |= self._neighbours(row)
        return list(found.values())

    def costs(self, rows: Sequence[Indices]) -> Floats:
        """(members, costs), NaN where unknown."""
        found = [self._known_costs(row.tobytes(), row) for row in rows] if self._costs else []
        return np.array(found, dtype=np.float64).reshape(len(rows), len(self._costs))

    def forget_costs(self) -> None:
        """More may be known by now."""
        self._known.clear()

    def _neighbours(self, row: Indices) -> dict[bytes, Indices]:
        name = row.tobytes()
        if name not in self._near:
            found: dict[bytes, Indices] = {}
            for place, size in enumerate(self._encoding.sizes):
                others = np.repeat(row[None], size, 0)
                others[:, place] = np.arange(size)
                found |= {other.tobytes(): other for other in others}
            found.pop(name)
            self._near[name] = {
                each: other for each, other in found.items() if self._is_free or self._member(each, other) is not None
            }
        return self._near[name]

    def _drawn(self, time: int) -> list[Indices]:
        if self._is_free:
            draws = np.random.default_rng((self._seed, time + TIMES)).integers(
                0, self._encoding.sizes, (NEW, len(self._encoding.sizes))
            )
            return list(draws.astype(np.int16))
        generator = random.Random(f"{self._seed}:{time}")  # noqa: S311 - draws, not secrets
        return [self._row(self._space.sample(generator)) for _ in range(NEW)]

    def _row(self, member: Architecture) -> Indices:
        row = self._encoding.indices(self._space.encode(member))
        self._members[row.tobytes()] = member
        return row

    def _known_costs(self, name: bytes, row: Indices) -> tuple[float, ...]:
        if name not in self._known:
            member = self._member(name, row)
            costs = (cost(member) if member is not None else None for cost in self._costs)
            self._known[name] = tuple(np.nan if cost is None else cost for cost in costs)
        return self._known[name]

    def _member(self, name: bytes, row: Indices) -> Architecture | None:
        """None of a row that the space's constraints forbid."""
        if name not in self._members:
            architecture = self._space.compose(self._encoding.parameters(row))
            self._members[name] = architecture if self._space.allows(architecture) else None
        return self._members[name]
