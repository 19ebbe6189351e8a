"""A wrapper of any Optuna sampler that proposes only new members of the space.

Optuna's samplers repeat themselves in spaces of few choices, and know nothing of a space's constraints. A repeat would
cost a trial and teach nothing.
"""

import random
from collections.abc import Callable, Collection
from itertools import chain
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.architecture import Architecture
from nas.samplers.delegating import DelegatingSampler
from nas.samplers.distributions import distributions
from nas.space import Space

MAX_ATTEMPTS = 3
MAX_RANDOM_DRAWS = 100


class DistinctSampler(DelegatingSampler):
    """Asks `inner` again where it proposes a known or forbidden architecture.

    After MAX_ATTEMPTS such proposals it takes a new neighbour of the last one that was allowed, or else a random
    member. `known_keys` returns the keys of the architectures that are recorded or running. The space must not be
    exhausted. `repeats` counts the replaced proposals.
    """

    def __init__(self, inner: BaseSampler, space: Space, known_keys: Callable[[], Collection[str]], seed: int) -> None:
        super().__init__(inner)
        self._space = space
        self._distributions = distributions(space)
        self._known_keys = known_keys
        self.repeats = 0
        self._random = random.Random(seed)  # noqa: S311 - draws, not secrets

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        known_keys = self._known_keys()
        last_allowed = None
        for _ in range(MAX_ATTEMPTS):
            architecture = self._space.compose(self._propose(study, trial))
            is_allowed = self._space.allows(architecture)
            if is_allowed and architecture.key not in known_keys:
                return dict(self._space.encode(architecture))
            self.repeats += 1
            last_allowed = architecture if is_allowed else last_allowed
        return dict(self._space.encode(self._replacement(last_allowed, known_keys)))

    def _replacement(self, last_allowed: Architecture | None, known_keys: Collection[str]) -> Architecture:
        neighbours = self._space.neighbours(last_allowed) if last_allowed is not None else ()
        draws = (self._space.sample(self._random) for _ in range(MAX_RANDOM_DRAWS))
        new_neighbours = [neighbour for neighbour in neighbours if neighbour.key not in known_keys]
        if new_neighbours:
            return self._random.choice(new_neighbours)
        return next(member for member in chain(draws, self._space) if member.key not in known_keys)

    def _propose(self, study: Study, trial: FrozenTrial) -> dict[str, Any]:
        relative = self._inner.infer_relative_search_space(study, trial)
        proposal = self._inner.sample_relative(study, trial, relative)
        return {
            name: proposal[name]
            if name in proposal
            else self._inner.sample_independent(study, trial, name, distribution)
            for name, distribution in self._distributions.items()
        }
