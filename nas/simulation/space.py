"""A table's rows as a search space: what is not in the table is no member.

A row is an architecture of a single stage, of which the choices are the mixer's options: that is how studies and the
store know it.
"""

import random
from collections.abc import Iterator

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

    def smallest_of_each_mixer(self) -> Iterator[Architecture]:
        """A table knows no sizes: the fastest row."""
        yield min(self._members, key=lambda member: self._rows[member].figures["latency_ms"])

    def __iter__(self) -> Iterator[Architecture]:
        return iter(self._members)


def _architecture(parameters: Parameters) -> Architecture:
    return Architecture((Stage(ROW, 1, 1, options=tuple(parameters.items())),), "table")
