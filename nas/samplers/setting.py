"""A sampler's setting: the study's space and objectives, and what is known of architectures without training."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import optuna

from nas.architecture import Architecture
from nas.objective import ACCURACY, Objective
from nas.samplers.deprecated import renamed_names, renamed_property
from nas.space import Space

# Attributes of Optuna's trials that samplers may learn from: the training loss after each epoch, which predicts the
# final accuracy best; the values of a pruned trial's objectives (None: not measured); and these values with the
# accuracy after the last epoch for which a stopped trial was trained.
CURVE = "curve"
OBSERVED = "observed"
LAST_SEEN = "last_seen"
# A number of an architecture that needs no training, such as a cheap objective or a feature; None where it is unknown.
ArchitectureMetric = Callable[[Architecture], float | None]

if not TYPE_CHECKING:
    __getattr__ = renamed_names(__name__, __name__, {"Cost": "ArchitectureMetric", "Foresight": "Pruner"})


@runtime_checkable
class Pruner(Protocol):
    """A sampler that also judges running trials."""

    def should_continue(self, study: optuna.Study, number: int, curve: Sequence[float], epochs: int) -> bool | None:
        """Whether trial `number` is worth training on, by its training loss after each epoch so far, of `epochs`.

        None where the sampler does not know.
        """


@dataclass(frozen=True)
class SamplerSetting:
    """A study of `objectives` over a space, in the study's order.

    `costs` give an objective of any architecture before it is tried, by the objective's name. `limits` are objectives'
    limits, by name: upper ones of what is minimised, lower ones of what is maximised, such as the least acceptable
    accuracy. `features` are further numbers of any architecture; each of `expensive_features` takes about as long as a
    training step. A sampler may ignore all of these.
    """

    space: Space
    seed: int
    objectives: Sequence[Objective]
    costs: Mapping[str, ArchitectureMetric] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    features: Sequence[ArchitectureMetric] = ()
    expensive_features: Sequence[ArchitectureMetric] = ()

    dear = renamed_property("SamplerSetting", "dear", "expensive")
    dear_features = renamed_property("SamplerSetting", "dear_features", "expensive_features")

    @property
    def expensive(self) -> int:
        """The index of the objective that takes training: accuracy."""
        return next(index for index, objective in enumerate(self.objectives) if objective.name == ACCURACY.name)
