"""Search space whose members are the rows of a table.

Studies and the store see a row as an architecture of a single stage, with the row's choices as the mixer's options.
"""

import math
import random
from collections.abc import Collection, Iterator, Mapping, Set
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture, Stage
from nas.errors import ParameterError
from nas.simulation.table import Row, Table
from nas.space import Choice, Parameters

ROW = "row"


class TableSpace:
    """Search space of the rows of a table."""

    def __init__(self, table: Table) -> None:
        self.name = table.name
        self.choices = table.choices
        self.table = table
        self._members = [row_architecture(row.parameters) for row in table.rows]
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

    def row_index(self, member: Architecture) -> int:
        """Return the index of a member's row in the table."""
        return self._row_indices[member]

    def compose(self, parameters: Parameters) -> Architecture:
        """Build the architecture of these choices, even if it is no row.

        Raises ParameterError for a missing or unknown choice.
        """
        check_names(parameters, self.choices.keys(), self.name)
        # Samplers compose thousands of architectures, most of them rows.
        return self._by_choices.get(tuple(parameters[name] for name in self.choices)) or row_architecture(parameters)

    def allows(self, architecture: Architecture) -> bool:
        return architecture in self._rows

    def decode(self, parameters: Parameters) -> Architecture:
        """Return the row of these choices. Raises ParameterError if there is none."""
        architecture = self.compose(parameters)
        if architecture not in self._rows:
            raise ParameterError(f"table {self.name!r} has no row with {dict(parameters)}")
        return architecture

    def encode(self, architecture: Architecture) -> dict[str, Choice]:
        """Return a row's choices. Raises ParameterError if the architecture is not a row."""
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

    def nearest(self, parameters: Parameters, excluded: Collection[str], generator: random.Random) -> Architecture:
        """Return the row with the least different choices whose key is not `excluded`; ties are broken at random.

        Words differ by 0 or 1, integers by the distance of their ranks among the options, scaled to at most 1.
        """
        differences = np.zeros(len(self._members))
        for (name, options), ranks in zip(self.choices.items(), self._ranks.T, strict=True):
            distances = np.abs(ranks - options.index(parameters[name]))
            differences += distances > 0 if isinstance(options[0], str) else distances / max(1, len(options) - 1)
        order = np.argsort(differences, kind="stable")
        first = next(index for index in order if self._members[index].key not in excluded)
        ties = [self._members[index] for index in np.flatnonzero(differences == differences[first])]
        return generator.choice([member for member in ties if member.key not in excluded])

    @cached_property
    def _row_indices(self) -> dict[Architecture, int]:
        return {member: index for index, member in enumerate(self._members)}

    @cached_property
    def _ranks(self) -> NDArray[np.int64]:
        """Rank of each row's choices among their options: a row of the array for each row of the table."""
        return np.array(
            [[options.index(row.parameters[name]) for name, options in self.choices.items()] for row in self.table.rows]
        )

    def smallest_of_each_mixer(self) -> Iterator[Architecture]:
        """Yield only the fastest row, since a table has no sizes."""
        yield min(self._members, key=lambda member: self._rows[member].figures["latency_ms"])

    def __iter__(self) -> Iterator[Architecture]:
        return iter(self._members)


def check_names(parameters: Parameters, names: Set[str], table: str) -> None:
    """Raises ParameterError for parameters that lack one of the table's choices, or have another."""
    if parameters.keys() != names:
        mismatched = ", ".join(sorted(parameters.keys() ^ names))
        raise ParameterError(f"parameters of table {table!r} are missing or unknown: {mismatched}")


def row_architecture(parameters: Parameters) -> Architecture:
    """Build the architecture of one stage that stands for a row with these choices."""
    return Architecture((Stage(ROW, 1, 1, options=tuple(parameters.items())),), "table")
