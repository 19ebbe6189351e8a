"""Any Optuna sampler, made to propose only members of the space that are not on record.

Optuna's samplers repeat themselves in spaces of few choices, and know nothing of a space's constraints; a repeat would
cost a trial and teach nothing.
"""

import random
from collections.abc import Callable, Collection, Sequence
from itertools import chain
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas.architecture import Architecture
from nas.samplers.distributions import distributions
from nas.space import Space

ATTEMPTS = 3
DRAWS = 100


class DistinctSampler(BaseSampler):
    """Asks `inner` again for what is `taken` or forbidden; after three such proposals takes an untaken neighbour of the
    last one that was allowed, or else draws.

    `taken` gives the keys of the architectures on record or running. The space must not be exhausted. `repeats` counts
    the proposals that were replaced.
    """

    def __init__(self, inner: BaseSampler, space: Space, taken: Callable[[], Collection[str]], seed: int) -> None:
        self._inner = inner
        self._space = space
        self._distributions = distributions(space)
        self._taken = taken
        self.repeats = 0
        self._random = random.Random(seed)  # noqa: S311 - draws, not secrets

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        taken = self._taken()
        last = None
        for _ in range(ATTEMPTS):
            architecture = self._space.compose(self._propose(study, trial))
            is_allowed = self._space.allows(architecture)
            if is_allowed and architecture.key not in taken:
                return dict(self._space.encode(architecture))
            self.repeats += 1
            last = architecture if is_allowed else last
        return dict(self._space.encode(self._instead_of(last, taken)))

    def _instead_of(self, last: Architecture | None, taken: Collection[str]) -> Architecture:
        near = self._space.neighbours(last) if last is not None else ()
        drawn = (self._space.sample(self._random) for _ in range(DRAWS))
        untaken = [other for other in near if other.key not in taken]
        if untaken:
            return self._random.choice(untaken)
        return next(other for other in chain(drawn, self._space) if other.key not in taken)

    def _propose(self, study: Study, trial: FrozenTrial) -> dict[str, Any]:
        relative = self._inner.infer_relative_search_space(study, trial)
        proposal = self._inner.sample_relative(study, trial, relative)
        return {
            name: proposal[name]
            if name in proposal
            else self._inner.sample_independent(study, trial, name, distribution)
            for name, distribution in self._distributions.items()
        }

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._inner.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._inner.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        self._inner.reseed_rng()
