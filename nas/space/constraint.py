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
    """The minimum and maximum of a quantity: total_depth in blocks, parameters, or macs of one image."""

    quantity: str
    least: float = 0
    most: float = math.inf


@dataclass(frozen=True)
class Constraints:
    """The constraints on a space's members; falsy without any.

    `order` has groups of mixers: a mixer of a later group never precedes one of an earlier group; mixers in no group
    are free. Parameters and MACs are those of the network built for `model_input`.
    """

    order: tuple[tuple[str, ...], ...] = ()
    limits: tuple[Limit, ...] = ()
    model_input: ModelInput | None = None
    builder: str = plugins.BUILDER

    def __bool__(self) -> bool:
        return bool(self.order or self.limits)

    def allow(self, architecture: Architecture) -> bool:
        """Whether the architecture meets all constraints. Raises the builder's errors if it cannot be built."""
        ranks = list(self.ranks(architecture.stages))
        if ranks != sorted(ranks):
            return False
        if not self.limits:
            return True
        stages = range(len(architecture.stages))
        totals = [sum(column) for column in zip(*(self.amounts(architecture, i) for i in stages), strict=True)]
        return all(limit.least <= total <= limit.most for limit, total in zip(self.limits, totals, strict=True))

    def lines(self) -> Iterator[str]:
        """Describe each constraint on one line."""
        if self.order:
            yield "order: " + ", then ".join(" | ".join(group) for group in self.order)
        for limit in self.limits:
            least = f"at least {limit.least:,g} " if limit.least else ""
            most = f"at most {limit.most:,g}" if limit.most < math.inf else ""
            yield f"{limit.quantity}: {least}{most}".rstrip()

    def ranks(self, stages: tuple[Stage, ...]) -> Iterator[int]:
        """Yield the group number in `order` of each stage with blocks whose mixer is in a group."""
        for stage in (stage for stage in stages if stage.depth):
            for rank, group in enumerate(self.order):
                if stage.mixer in group:
                    yield rank

    def amounts(self, architecture: Architecture, index: int) -> tuple[int, ...]:
        """Return what stage `index` adds to each limited quantity; it depends on that stage and the width before."""
        cost = self._cost(architecture, index)
        stage = architecture.stages[index]
        quantities = {TOTAL_DEPTH: stage.depth, "parameters": cost.parameters, "macs": cost.macs}
        return tuple(quantities[limit.quantity] for limit in self.limits)

    def _cost(self, architecture: Architecture, index: int) -> Cost:
        if self.model_input is None or not any(limit.quantity in COSTS for limit in self.limits):
            return Cost(0, 0, 0)
        costs: PartCosts = plugins.load(plugins.BUILDERS, self.builder)
        return costs.part_cost(architecture, index, self.model_input)
