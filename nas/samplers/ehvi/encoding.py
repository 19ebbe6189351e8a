"""Members as rows of option indices, and as a binary design matrix whose weighted distances count differing choices."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.space import Choice, Parameters

Floats = NDArray[np.float64]
Indices = NDArray[np.int16]
# A member: the index of its option for each parameter, as bytes, which sets and dictionaries take.
Row = bytes
# A metric that is known of every member is binned into this number of quantiles.
QUANTILE_BINS = 16


class DesignMatrix(NamedTuple):
    """The surrogate's input: binary `values` (members, columns), with the group and the scale of each column, and the
    members' `shares` (members, shares).
    """

    values: Floats
    groups: NDArray[np.int64]
    scales: Floats
    shares: Floats

    @property
    def group_count(self) -> int:
        return int(self.groups.max()) + 1

    def append(self, other: "DesignMatrix") -> "DesignMatrix":
        """Return the members of both, these first."""
        values, shares = np.vstack([self.values, other.values]), np.vstack([self.shares, other.shares])
        return self._replace(values=values, shares=shares)


class Encoding:
    """The encoding of a space's choices: a member is a Row, or a row of a DesignMatrix.

    Each parameter gives one group of columns, one-hot: members that differ in it differ in two columns of weight 1/2.
    Where its options are three numbers or more, a second group counts the options between two members' (thermometer
    code), as a share of all.

    Parameters that have the same options, as the stages' mixers do, also give shares: how often each option is chosen
    among them. Shares are centred on their means over all choices and scaled to a mean squared norm of 1.
    """

    def __init__(
        self, choices: Mapping[str, Sequence[Choice]], unused: Mapping[tuple[str, Choice], Sequence[str]] | None = None
    ) -> None:
        """`unused` is the space's. Rows have the first option of an unused parameter, so that a member is one row."""
        self.names = tuple(choices)
        positions = {name: position for position, name in enumerate(self.names)}
        self._unused = [
            (positions[name], tuple(choices[name]).index(option), [positions[other] for other in others])
            for (name, option), others in (unused or {}).items()
        ]
        self.options = tuple(tuple(options) for options in choices.values())
        self.sizes = np.array([len(options) for options in self.options])
        self._option_indices = [{option: index for index, option in enumerate(options)} for options in self.options]
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
        indices = [of[parameters[name]] for name, of in zip(self.names, self._option_indices, strict=True)]
        return self.rows(np.array([indices]))[0]

    def rows(self, indices: NDArray[np.integer]) -> list[Row]:
        """Return members' rows from their options' indices (members, parameters), unused parameters at index 0."""
        canonical = indices.astype(np.int16)
        for position, option, others in self._unused:
            canonical[np.ix_(canonical[:, position] == option, others)] = 0
        return [row.tobytes() for row in canonical]

    def parameters(self, row: Row) -> dict[str, Choice]:
        """Return the parameters of a row, the inverse of `row`."""
        indices = np.frombuffer(row, np.int16).tolist()
        return {name: options[index] for name, options, index in zip(self.names, self.options, indices, strict=True)}

    def indices(self, rows: Sequence[Row]) -> Indices:
        """Return (members, parameters)."""
        return np.frombuffer(b"".join(rows), np.int16).reshape(len(rows), len(self.names))

    def design(self, rows: Sequence[Row]) -> DesignMatrix:
        indices = self.indices(rows)
        values = np.hstack([block[indices[:, position]] for position, block in enumerate(self._blocks)])
        return DesignMatrix(values, self._groups, self._scales, values @ self._to_shares - self._mean_shares)


def _to_shares(options: Sequence[tuple[Choice, ...]], blocks: Sequence[Floats]) -> Floats:
    """Return the matrix that maps columns to shares: (columns, shares)."""
    starts = np.cumsum([0, *(block.shape[1] for block in blocks)])
    positions_by_options: dict[tuple[Choice, ...], list[int]] = defaultdict(list)
    for position, own in enumerate(options):
        positions_by_options[own].append(position)
    parts, squared_norm = [np.zeros((starts[-1], 0))], 0.0
    for common, positions in positions_by_options.items():
        if len(positions) > 1:
            part = np.zeros((starts[-1], len(common)))
            for position in positions:
                part[starts[position] : starts[position] + len(common)] = np.eye(len(common)) / len(positions)
            parts.append(part)
            # The variance of a share p of n draws is p (1 - p) / n.
            squared_norm += (1 - 1 / len(common)) / len(positions)
    return np.hstack(parts) / (math.sqrt(squared_norm) or 1.0)


class QuantileBins:
    """A metric that is known of every member, such as the logarithm of its latency, as columns like the parameters'.

    The edges are quantiles of some members' values; other members' values fall between them.
    """

    def __init__(self, values: Floats) -> None:
        quantiles = np.arange(1, QUANTILE_BINS) / QUANTILE_BINS
        self._edges = np.unique(np.quantile(values, quantiles)) if len(values) else np.zeros(0)

    @property
    def scales(self) -> Floats:
        return np.full(len(self._edges), 1.0 / max(1, len(self._edges)))

    def columns(self, values: Floats) -> Floats:
        """Return (members, edges): 1 where a value is above the edge."""
        columns: Floats = (values[:, None] > self._edges).astype(np.float64)
        return columns
