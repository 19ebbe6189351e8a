"""The static cost of a network, stage by stage: parameters and multiply-accumulates."""

from dataclasses import dataclass
from typing import Protocol

from nas.architecture.layout import Architecture, ModelInput


@dataclass(frozen=True)
class Cost:
    """The cost of a network for one image: `parameters`, the `frozen` ones among them, and multiply-accumulates.

    `macs` counts convolutions, matrix products and Fourier transforms.
    """

    parameters: int
    frozen: int
    macs: int

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.parameters + other.parameters, self.frozen + other.frozen, self.macs + other.macs)

    def __mul__(self, times: int) -> "Cost":
        return Cost(self.parameters * times, self.frozen * times, self.macs * times)


class PartCosts(Protocol):
    """The part of a builder that reports the cost of each stage of a network."""

    def part_cost(self, architecture: Architecture, index: int, model_input: ModelInput) -> Cost:
        """Return the cost of stage `index` (from 0): its blocks and its downsampling (the stem, for stage 0).

        The last stage includes the head. The cost depends only on the stage, the width before it, the recipe and the
        input, and the costs of all stages add up to `cost`.
        """


def total_cost(costs: PartCosts, architecture: Architecture, model_input: ModelInput) -> Cost:
    """Return the architecture's cost as the sum over its stages, whose costs builders cache."""
    parts = (costs.part_cost(architecture, index, model_input) for index in range(len(architecture.stages)))
    return sum(parts, Cost(0, 0, 0))
