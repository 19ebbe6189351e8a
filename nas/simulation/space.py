"""A table's rows as a search space: what is not in the table is no member.

A row is an architecture of a single stage, of which the choices are the mixer's options: that is how studies and the
store know it.
"""

import math
import random
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture, Stage
from nas.errors import ParameterError
from nas.simulation.table import Row, Table
from nas.space import Choice, Parameters

ROW = "row"


class TableSpace:
    """As nas.space.Space has it."""

    def __init__(self, table: Table) -> None:
        self.name = table.name
        self.choices = table.choices
        self.table = table
        self._members = [_architecture(row.parameters) for row in table.rows]
        self._rows = dict(zip(self._members, table.rows, strict=True))
        self._by_choices = {
            tuple(row.parameters[name] for name in self.choices): member for member, row in self._rows.items()
        }

    @property
    def unused(self) -> Mapping[tuple[str, Choice], tuple[str, ...]]:
        return {}

    @property
    def is_free(self) -> bool:
        return self.size == math.prod(map(len, self.choices.values()))

    @property
    def size(self) -> int:
        return len(self._members)

    def row(self, member: Architecture) -> Row:
        return self._rows[member]

    def compose(self, parameters: Parameters) -> Architecture:
        """Raises ParameterError when a choice is missing, unknown or not among its options."""
        if parameters.keys() != self.choices.keys():
            odd = ", ".join(sorted(parameters.keys() ^ self.choices.keys()))
            raise ParameterError(f"parameters of table {self.name!r} are missing or unknown: {odd}")
        # Samplers ask of thousands, and most of them are rows.
        return self._by_choices.get(tuple(parameters[name] for name in self.choices)) or _architecture(parameters)

    def allows(self, architecture: Architecture) -> bool:
        return architecture in self._rows

    def decode(self, parameters: Parameters) -> Architecture:
        """Raises ParameterError when the choices are in no row."""
        architecture = self.compose(parameters)
        if architecture not in self._rows:
            raise ParameterError(f"table {self.name!r} has no row of {dict(parameters)}")
        return architecture

    def encode(self, architecture: Architecture) -> dict[str, Choice]:
        """Raises ParameterError when it is no row."""
        if architecture not in self._rows:
            raise ParameterError(f"table {self.name!r} has no such row")
        return dict(self._rows[architecture].parameters)

    def sample(self, generator: random.Random) -> Architecture:
        return generator.choice(self._members)

    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]:
        parameters = self.encode(architecture)
        for name, options in self.choices.items():
            for option in options:
                if option != parameters[name]:
                    other = self.compose(parameters | {name: option})
                    if other in self._rows:
                        yield other

    def nearest(self, parameters: Parameters, taken: Collection[str], generator: random.Random) -> Architecture:
        """The row whose choices differ least among those whose keys are not `taken`, one of them where several do.

        Words differ by 1 or not at all, integers by how far apart they are among the options, at most 1.
        """
        differences = np.zeros(len(self._members))
        for (name, options), places in zip(self.choices.items(), self._places.T, strict=True):
            apart = np.abs(places - options.index(parameters[name]))
            differences += apart > 0 if isinstance(options[0], str) else apart / max(1, len(options) - 1)
        order = np.argsort(differences, kind="stable")
        first = next(index for index in order if self._members[index].key not in taken)
        alike = [self._members[index] for index in np.flatnonzero(differences == differences[first])]
        return generator.choice([member for member in alike if member.key not in taken])

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """Of each row's choices among their options."""
        return np.array(
            [[options.index(row.parameters[name]) for name, options in self.choices.items()] for row in self.table.rows]
        )

    def smallest_of_each_mixer(self) -> Iterator[Architecture]:
        """A table knows no sizes: the fastest row."""
        yield min(self._members, key=lambda member: self._rows[member].figures["latency_ms"])

    def __iter__(self) -> Iterator[Architecture]:
        return iter(self._members)


def _architecture(parameters: Parameters) -> Architecture:
    return Architecture((Stage(ROW, 1, 1, options=tuple(parameters.items())),), "table")
