"""The cost of a network before anything is timed: parameters and multiply-accumulates, stage by stage."""

from dataclasses import dataclass
from typing import Protocol

from nas.architecture.layout import Architecture, ModelInput


@dataclass(frozen=True)
class Cost:
    """Parameters, the frozen ones among them, and multiply-accumulates of a network, for one image.

    `macs` are those of convolutions, matrix products and Fourier transforms.
    """

    parameters: int
    frozen: int
    macs: int

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.parameters + other.parameters, self.frozen + other.frozen, self.macs + other.macs)

    def __mul__(self, times: int) -> "Cost":
        return Cost(self.parameters * times, self.frozen * times, self.macs * times)


class PartCosts(Protocol):
    """Knows the cost of each part of a network: a builder."""

    def part_cost(self, architecture: Architecture, index: int, model_input: ModelInput) -> Cost:
        """The share of stage `index` (from 0): its blocks and what leads to it, in the last stage the head too.

        It depends on the stage, the width before it, the recipe and the input alone, and the shares add up to `cost`.
        """


def total_cost(costs: PartCosts, architecture: Architecture, model_input: ModelInput) -> Cost:
    """The architecture's cost by its parts, which builders count once and remember."""
    parts = (costs.part_cost(architecture, index, model_input) for index in range(len(architecture.stages)))
    return sum(parts, Cost(0, 0, 0))
