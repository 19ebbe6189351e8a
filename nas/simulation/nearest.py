"""Adapter that makes any Optuna sampler propose rows of a table.

Most tables hold a fraction of the choices' combinations. A proposal outside of the table is replaced by the nearest
row; a row drawn at random instead would make every sampler a random search.
"""

from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.samplers.distinct import DistinctSampler
from nas.simulation.space import TableSpace


class NearestRowSampler(DistinctSampler):
    """Sampler that replaces a proposal of `inner` by the nearest new row if it is a duplicate or not in the table.

    `repeats` counts the duplicates, `absent` the proposals that are not in the table.
    """

    def __init__(self, inner: BaseSampler, space: TableSpace, *arguments: Any, **options: Any) -> None:
        super().__init__(inner, space, *arguments, **options)
        self._table = space
        self.absent = 0

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        proposal = self._propose(study, trial)
        member = self._table.compose(proposal)
        tried = self._known_keys()
        if not self._table.allows(member):
            self.absent += 1
        elif member.key in tried:
            self.repeats += 1
        else:
            return proposal
        return dict(self._table.encode(self._table.nearest(proposal, tried, self._random)))
