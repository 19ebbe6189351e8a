"""A finished study's prediction of another one's accuracies, as a feature of members.

How far it can be trusted on other data or another target is learnt, as of every feature.
"""

from collections.abc import Sequence

import numpy as np

from nas.architecture import Architecture
from nas.samplers.ehvi.encoding import Encoding, Row
from nas.samplers.ehvi.fitting import OutcomeTransform, Surrogates, TrainingSet, fit_size
from nas.samplers.setting import ArchitectureMetric
from nas.space import Space


def prior(space: Space, known: Sequence[tuple[Architecture, float]]) -> ArchitectureMetric:
    """Fit a surrogate to members of the space and their accuracies, and return its mean loss in standard units."""
    encoding = Encoding(space.choices, space.unused)
    losses = -np.array([accuracy for _, accuracy in known])

    def row(member: Architecture) -> Row:
        return encoding.row(space.encode(member))

    rows, size = [row(member) for member, _ in known], fit_size(len(known))
    data = TrainingSet.uniform(rows, OutcomeTransform.fit(losses)(losses))._replace(gaps=losses)
    surrogate = Surrogates().fit("prior", data, size, lambda: data.first(size), encoding.design)

    def predicted_loss(architecture: Architecture) -> float:
        return float(surrogate.predict(encoding.design([row(architecture)]))[0][0])

    return predicted_loss
