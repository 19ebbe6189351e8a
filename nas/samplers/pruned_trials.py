"""A wrapper that lets an Optuna sampler learn from pruned trials as from complete ones.

Optuna's evolutionary samplers count only complete trials towards a generation: under early stopping, or with a latency
limit that few members keep, their first generation takes most of a small budget, and all of it is drawn at random.
"""

import copy
from collections.abc import Container, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nas.samplers.delegating import DelegatingSampler
from nas.samplers.setting import LAST_SEEN, OBSERVED


class PrunedTrialsSampler(DelegatingSampler):
    """Sampler that shows `inner` the study with its pruned trials completed (see `CompletedStudy`)."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return super().infer_relative_search_space(CompletedStudy(study), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return super().sample_relative(CompletedStudy(study), trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return super().sample_independent(CompletedStudy(study), trial, param_name, param_distribution)


class CompletedStudy(Study):
    """View of a study at one moment in which each pruned trial is complete, with the values it was last seen with.

    A stopped trial has the accuracy after its last epoch. A value that was not measured, such as the accuracy of a
    trial over the latency limit, is the worst that any trial has in this objective, or 0 where none has one. The
    study's record stays as it is.
    """

    def __init__(self, study: Study) -> None:
        self.__dict__.update(study.__dict__)
        self._completed: list[FrozenTrial] | None = None

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        if self._completed is None:
            recorded = super()._get_trials(deepcopy=False, use_cache=use_cache)
            self._completed = _completed(recorded, self.directions)
        trials = [trial for trial in self._completed if states is None or trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials


def _completed(trials: Sequence[FrozenTrial], directions: Sequence[StudyDirection]) -> list[FrozenTrial]:
    """Return the trials with a completed copy in place of each pruned one."""
    seen = [_values(trial, len(directions)) for trial in trials]
    worst = []
    for index, direction in enumerate(directions):
        known = [value for values in seen if (value := values[index]) is not None]
        worst.append((min if direction is StudyDirection.MAXIMIZE else max)(known, default=0.0))
    completed = []
    for trial, values in zip(trials, seen, strict=True):
        if trial.state is TrialState.PRUNED:
            trial = copy.copy(trial)
            trial.values = [low if value is None else value for value, low in zip(values, worst, strict=True)]
            trial.state = TrialState.COMPLETE
        completed.append(trial)
    return completed


def _values(trial: FrozenTrial, count: int) -> Sequence[float | None]:
    """Return the values of a finished trial's objectives, None where they are unknown."""
    if trial.state is TrialState.COMPLETE:
        complete: Sequence[float] = trial.values
        return complete
    unknown: Sequence[float | None] = [None] * count
    if trial.state is not TrialState.PRUNED:
        return unknown
    known: Sequence[float | None] = trial.user_attrs.get(LAST_SEEN, trial.user_attrs.get(OBSERVED, unknown))
    return known
