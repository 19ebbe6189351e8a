"""Choices as rows of zeros and ones, such that the distance of two members is a weighted count of where they differ."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nas.space import Choice, Parameters

Floats = NDArray[np.float64]
Indices = NDArray[np.int16]


class Encoding:
    """Of a space's choices. A member is a row of indices, one for each parameter, or a row of binary columns.

    Each parameter gives one group of columns, of which members that differ in it differ in two of weight 1/2. Where its
    options are three numbers or more a second group counts how many options lie between, out of all. `features` further
    groups are given to `columns` as numbers, of which quantiles make such columns too.
    """

    def __init__(self, choices: Mapping[str, Sequence[Choice]]) -> None:
        self.names = tuple(choices)
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
        self.groups = np.array(groups)
        self.scales = np.array(scales)

    def indices(self, parameters: Parameters) -> Indices:
        """One row. Raises KeyError for a parameter or an option that the space does not have."""
        return np.array(
            [places[parameters[name]] for name, places in zip(self.names, self._places, strict=True)], dtype=np.int16
        )

    def parameters(self, row: Indices) -> dict[str, Choice]:
        """The inverse of `indices`."""
        return {name: options[i] for name, options, i in zip(self.names, self.options, row, strict=True)}

    def columns(self, rows: Indices) -> Floats:
        """(members, parameters) of indices to (members, columns)."""
        return np.hstack([block[rows[:, place]] for place, block in enumerate(self._blocks)])


class Quantiles:
    """A number that is known of every member, such as the logarithm of its latency, as columns like the parameters'.

    Made from the values of some members; those of others are placed between them.
    """

    def __init__(self, values: Floats, count: int = 16) -> None:
        self._edges = np.unique(np.quantile(values, np.arange(1, count) / count)) if len(values) else np.zeros(0)

    @property
    def scales(self) -> Floats:
        return np.full(len(self._edges), 1.0 / max(1, len(self._edges)))

    def columns(self, values: Floats) -> Floats:
        columns: Floats = (values[:, None] > self._edges).astype(np.float64)
        return columns
