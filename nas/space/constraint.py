"""Constraints on a search space's members, as data: the order of mixers, and limits on sums over stages."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from nas import plugins
from nas.architecture import Architecture, Cost, ModelInput, PartCosts, Stage

TOTAL_DEPTH = "total_depth"
COSTS = ("parameters", "macs")


@dataclass(frozen=True)
class Limit:
    """The least and the most of a quantity: total_depth in blocks, parameters, or macs of one image."""

    quantity: str
    least: float = 0
    most: float = math.inf


@dataclass(frozen=True)
class Constraints:
    """What a space's members must be like. Without any, falsy.

    `order` has groups of mixers: one of a later group never stands in an earlier stage than one of an earlier group;
    mixers in no group are free. Parameters and MACs are those of the network built for `model_input`.
    """

    order: tuple[tuple[str, ...], ...] = ()
    limits: tuple[Limit, ...] = ()
    model_input: ModelInput | None = None
    builder: str = plugins.BUILDER

    def __bool__(self) -> bool:
        return bool(self.order or self.limits)

    def allow(self, architecture: Architecture) -> bool:
        """Whether the architecture keeps all of them. Raises what the builder raises for one that cannot be built."""
        ranks = list(self.ranks(architecture.stages))
        if ranks != sorted(ranks):
            return False
        if not self.limits:
            return True
        stages = range(len(architecture.stages))
        totals = [sum(column) for column in zip(*(self.amounts(architecture, i) for i in stages), strict=True)]
        return all(limit.least <= total <= limit.most for limit, total in zip(self.limits, totals, strict=True))

    def lines(self) -> Iterator[str]:
        """Each constraint in words."""
        if self.order:
            yield "order: " + ", then ".join(" | ".join(group) for group in self.order)
        for limit in self.limits:
            least = f"at least {limit.least:,g} " if limit.least else ""
            most = f"at most {limit.most:,g}" if limit.most < math.inf else ""
            yield f"{limit.quantity}: {least}{most}".rstrip()

    def ranks(self, stages: tuple[Stage, ...]) -> Iterator[int]:
        """The position in `order` of each stage with blocks whose mixer has one."""
        for stage in (each for each in stages if each.depth):
            for rank, group in enumerate(self.order):
                if stage.mixer in group:
                    yield rank

    def amounts(self, architecture: Architecture, index: int) -> tuple[int, ...]:
        """What stage `index` adds to each limited quantity: it depends on that stage and the width before it alone."""
        cost = self._cost(architecture, index)
        stage = architecture.stages[index]
        known = {TOTAL_DEPTH: stage.depth, "parameters": cost.parameters, "macs": cost.macs}
        return tuple(known[limit.quantity] for limit in self.limits)

    def _cost(self, architecture: Architecture, index: int) -> Cost:
        if self.model_input is None or not any(limit.quantity in COSTS for limit in self.limits):
            return Cost(0, 0, 0)
        costs: PartCosts = plugins.load(plugins.BUILDERS, self.builder)
        return costs.part_cost(architecture, index, self.model_input)
