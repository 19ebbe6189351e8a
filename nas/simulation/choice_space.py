"""Search space of a table's choices, whatever rows the table has: what a sampler knows that knows no row."""

import itertools
import math
import random
from collections.abc import Iterator, Mapping

from nas.architecture import Architecture
from nas.errors import ParameterError
from nas.simulation.space import check_names, row_architecture
from nas.simulation.table import Table
from nas.space import Choice, Parameters


class ChoiceSpace:
    """Search space of all combinations of a table's choices."""

    def __init__(self, table: Table) -> None:
        self.name = table.name
        self.choices = table.choices

    @property
    def unused(self) -> Mapping[tuple[str, Choice], tuple[str, ...]]:
        return {}

    @property
    def is_free(self) -> bool:
        return True

    @property
    def size(self) -> int:
        return math.prod(map(len, self.choices.values()))

    def compose(self, parameters: Parameters) -> Architecture:
        """Build the architecture of these choices. Raises ParameterError for a missing or unknown choice."""
        check_names(parameters, self.choices.keys(), self.name)
        return row_architecture({name: parameters[name] for name in self.choices})

    def allows(self, architecture: Architecture) -> bool:
        (stage,) = architecture.stages
        parameters = dict(stage.options)
        return parameters.keys() == self.choices.keys() and all(
            parameters[name] in options for name, options in self.choices.items()
        )

    def decode(self, parameters: Parameters) -> Architecture:
        """Return the architecture of these choices. Raises ParameterError if one is not an option."""
        architecture = self.compose(parameters)
        if not self.allows(architecture):
            raise ParameterError(f"table {self.name!r} has no such choices as {dict(parameters)}")
        return architecture

    def encode(self, architecture: Architecture) -> dict[str, Choice]:
        """Return an architecture's choices. Raises ParameterError if it is not a member."""
        if not self.allows(architecture):
            raise ParameterError(f"table {self.name!r} has no such choices")
        (stage,) = architecture.stages
        return dict(stage.options)

    def sample(self, generator: random.Random) -> Architecture:
        return self.compose({name: generator.choice(options) for name, options in self.choices.items()})

    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]:
        parameters = self.encode(architecture)
        for name, options in self.choices.items():
            for option in options:
                if option != parameters[name]:
                    yield self.compose(parameters | {name: option})

    def smallest_of_each_mixer(self) -> Iterator[Architecture]:
        """Yield nothing: choices have no sizes."""
        yield from ()

    def __iter__(self) -> Iterator[Architecture]:
        for options in itertools.product(*self.choices.values()):
            yield self.compose(dict(zip(self.choices, options, strict=True)))
