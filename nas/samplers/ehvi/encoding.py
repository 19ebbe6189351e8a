"""Choices as rows of zeros and ones, such that the distance of two members is a weighted count of where they differ."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.space import Choice, Parameters

Floats = NDArray[np.float64]
Indices = NDArray[np.int16]
# A member: its indices, one for each parameter, as bytes, which sets and dictionaries take.
Row = bytes
# Into so many parts a number that is known of every member is cut.
QUANTILES = 16


class Columns(NamedTuple):
    """Observations or candidates as a process sees them: binary `values` (members, columns), with the group and the
    scale of each column, and their `shares` (members, shares).
    """

    values: Floats
    groups: NDArray[np.int64]
    scales: Floats
    shares: Floats

    @property
    def group_count(self) -> int:
        """How many groups there are."""
        return int(self.groups.max()) + 1

    def and_also(self, others: "Columns") -> "Columns":
        """These members, then those."""
        values, shares = np.vstack([self.values, others.values]), np.vstack([self.shares, others.shares])
        return self._replace(values=values, shares=shares)


class Encoding:
    """Of a space's choices. A member is a Row, or a row of binary columns.

    Each parameter gives one group of columns, of which members that differ in it differ in two of weight 1/2. Where its
    options are three numbers or more a second group counts how many options lie between, out of all.

    Parameters that have the same options, as the stages' mixers do, also give shares: how often each option is taken
    among them. About their means over all choices, in units in which a member's own are 1 long on average.
    """

    def __init__(
        self, choices: Mapping[str, Sequence[Choice]], unused: Mapping[tuple[str, Choice], Sequence[str]] | None = None
    ) -> None:
        """`unused` is the space's: rows have the first option of what means nothing, so that a member is one row."""
        self.names = tuple(choices)
        places = {name: place for place, name in enumerate(self.names)}
        self._unused = [
            (places[name], tuple(choices[name]).index(option), [places[each] for each in others])
            for (name, option), others in (unused or {}).items()
        ]
        self.options = tuple(tuple(options) for options in choices.values())
        self.sizes = np.array([len(options) for options in self.options])
        self._places = [{option: place for place, option in enumerate(options)} for options in self.options]
        groups: list[int] = []
        scales: list[float] = []
        self._blocks: list[Floats] = []
        group = 0
        for options in self.options:
            count = len(options)
            block = np.eye(count)
            groups += [group] * count
            scales += [0.5] * count
            group += 1
            if count > 2 and all(isinstance(option, (int, float)) for option in options):
                order = np.argsort(np.argsort(np.array(options, dtype=np.float64)))
                block = np.hstack([block, order[:, None] > np.arange(count - 1)])
                groups += [group] * (count - 1)
                scales += [1.0 / (count - 1)] * (count - 1)
                group += 1
            self._blocks.append(block)
        self._groups = np.array(groups)
        self._scales = np.array(scales)
        self._to_shares = _to_shares(self.options, self._blocks)
        self._mean_shares = np.concatenate([block.mean(0) for block in self._blocks]) @ self._to_shares

    def row(self, parameters: Parameters) -> Row:
        """Raises KeyError for a parameter or an option that the space does not have."""
        indices = [places[parameters[name]] for name, places in zip(self.names, self._places, strict=True)]
        return self.rows(np.array([indices]))[0]

    def rows(self, indices: NDArray[np.integer]) -> list[Row]:
        """The rows of members by their options' indices, (members, parameters), each spelled as its member is."""
        mixer_label = indices.astype(np.int16)
        for place, option, others in self._unused:
            mixer_label[np.ix_(mixer_label[:, place] == option, others)] = 0
        return [row.tobytes() for row in mixer_label]

    def parameters(self, row: Row) -> dict[str, Choice]:
        """The inverse of `row`."""
        places = np.frombuffer(row, np.int16).tolist()
        return {name: options[place] for name, options, place in zip(self.names, self.options, places, strict=True)}

    def indices(self, rows: Sequence[Row]) -> Indices:
        """(members, parameters)."""
        return np.frombuffer(b"".join(rows), np.int16).reshape(len(rows), len(self.names))

    def columns(self, rows: Sequence[Row]) -> Columns:
        indices = self.indices(rows)
        values = np.hstack([block[indices[:, place]] for place, block in enumerate(self._blocks)])
        return Columns(values, self._groups, self._scales, values @ self._to_shares - self._mean_shares)


def _to_shares(options: Sequence[tuple[Choice, ...]], blocks: Sequence[Floats]) -> Floats:
    """From columns to shares: (columns, shares)."""
    starts = np.cumsum([0, *(block.shape[1] for block in blocks)])
    alike: dict[tuple[Choice, ...], list[int]] = defaultdict(list)
    for place, each in enumerate(options):
        alike[each].append(place)
    found, square = [np.zeros((starts[-1], 0))], 0.0
    for each, places in alike.items():
        if len(places) > 1:
            part = np.zeros((starts[-1], len(each)))
            for place in places:
                part[starts[place] : starts[place] + len(each)] = np.eye(len(each)) / len(places)
            found.append(part)
            # The variance of a share p of n draws is p (1 - p) / n.
            square += (1 - 1 / len(each)) / len(places)
    return np.hstack(found) / (math.sqrt(square) or 1.0)


class Quantiles:
    """A number that is known of every member, such as the logarithm of its latency, as columns like the parameters'.

    Made from the values of some members; those of others are placed between them.
    """

    def __init__(self, values: Floats) -> None:
        shares = np.arange(1, QUANTILES) / QUANTILES
        self._edges = np.unique(np.quantile(values, shares)) if len(values) else np.zeros(0)

    @property
    def scales(self) -> Floats:
        return np.full(len(self._edges), 1.0 / max(1, len(self._edges)))

    def columns(self, values: Floats) -> Floats:
        columns: Floats = (values[:, None] > self._edges).astype(np.float64)
        return columns
