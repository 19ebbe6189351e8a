"""What a finished study tells of another one's accuracies: its own process's expectation, as a feature of members.

How far it can be trusted on other data or another target is learnt, as of every feature.
"""

from collections.abc import Sequence

import numpy as np

from nas.architecture import Architecture
from nas.samplers.ehvi.encoding import Encoding, Row
from nas.samplers.ehvi.fitting import Sample, Scale, Surrogates, schedule
from nas.samplers.setting import Cost
from nas.space import Space


def prior(space: Space, known: Sequence[tuple[Architecture, float]]) -> Cost:
    """From members of the space and their accuracies elsewhere to what to expect of any member, in standard units."""
    encoding = Encoding(space.choices, space.unused)
    losses = -np.array([accuracy for _, accuracy in known])

    def row(member: Architecture) -> Row:
        return encoding.row(space.encode(member))

    seen = [row(member) for member, _ in known]
    sample, at = Sample.certain(seen, Scale.of(losses)(losses))._replace(gaps=losses), schedule(len(known))
    model = Surrogates().fit("prior", sample, at, lambda: sample.first(at), encoding.columns)

    def expected(architecture: Architecture) -> float:
        return float(model.predict(encoding.columns([row(architecture)]))[0][0])

    return expected
