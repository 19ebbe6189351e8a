"""Any Optuna sampler, made to propose rows of a table, most of which hold a fraction of the choices' combinations.

What a sampler asks for is what it gets, as nearly as the table allows: rows drawn at random instead would make every
sampler a random search.
"""

from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.samplers.distinct import DistinctSampler
from nas.simulation.space import TableSpace


class NearestRowSampler(DistinctSampler):
    """Where `inner` asks for what is on record, or in no row, the nearest row that is not taken stands for it.

    `repeats` counts the one, `absent` the other.
    """

    def __init__(self, inner: BaseSampler, space: TableSpace, *arguments: Any, **options: Any) -> None:
        super().__init__(inner, space, *arguments, **options)
        self._table = space
        self.absent = 0

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        asked = self._propose(study, trial)
        member = self._table.compose(asked)
        taken = self._known_keys()
        if not self._table.allows(member):
            self.absent += 1
        elif member.key in taken:
            self.repeats += 1
        else:
            return asked
        return dict(self._table.encode(self._table.nearest(asked, taken, self._random)))
