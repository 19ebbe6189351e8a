"""What a sampler is made for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import optuna

from nas.architecture import Architecture
from nas.objective import ACCURACY, Objective
from nas.space import Space

# Attributes of Optuna's trials that samplers may learn from: after each epoch what foretells the final accuracy best,
# the training loss; and of a pruned trial what was found of the objectives (None: nothing).
CURVE = "curve"
OBSERVED = "observed"
# A number that is known of an architecture without training it, None where it is not.
Cost = Callable[[Architecture], float | None]


@runtime_checkable
class Pruner(Protocol):
    """A sampler that also judges running trials."""

    def should_continue(self, study: optuna.Study, number: int, curve: Sequence[float], epochs: int) -> bool | None:
        """Whether trial `number` is worth training on, by its training loss after each epoch so far, of `epochs`.

        None where it does not know.
        """


@dataclass(frozen=True)
class SamplerSetting:
    """A study of `objectives` over a space, in the study's order.

    `costs` tell what is known of an architecture before it is tried, by objective's name; `limits` are the most that an
    objective may be; `features` are further numbers of any architecture, `expensive_features` such that each take about
    a training step. Samplers are free not to look at these.
    """

    space: Space
    seed: int
    objectives: Sequence[Objective]
    costs: Mapping[str, Cost] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    features: Sequence[Cost] = ()
    expensive_features: Sequence[Cost] = ()

    @property
    def expensive(self) -> int:
        """The number of the objective that takes training: accuracy."""
        return next(number for number, objective in enumerate(self.objectives) if objective.name == ACCURACY.name)
