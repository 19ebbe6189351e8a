"""Early stopping of a study's trials at rungs."""

from collections.abc import Sequence

import optuna
from optuna.samplers import BaseSampler

from nas.objective import ACCURACY
from nas.results.pareto import Point
from nas.results.settings import ComparableSettings
from nas.samplers.setting import Pruner
from nas.study.accuracy_bound import AccuracyBound
from nas.study.early_stopping import Rung
from nas.trial import Outcome


class Pruning:
    """Decides at the epochs `rungs` whether trials continue: by the study's sampler if it is a Pruner, else by rank.

    Where the study has a least accuracy, a trial that cannot reach it is stopped in any case.
    """

    def __init__(
        self,
        optuna_study: optuna.Study,
        settings: ComparableSettings,
        rungs: Sequence[int],
        sampler: BaseSampler,
    ) -> None:
        self.rungs = tuple(rungs)
        self._optuna = optuna_study
        self._settings = settings
        self._pruner = sampler if isinstance(sampler, Pruner) else None
        self._rungs = {epoch: Rung() for epoch in rungs}
        min_accuracy = settings.limits.min_accuracy
        self._bound = None if min_accuracy is None else AccuracyBound(min_accuracy, rungs)

    def record(self, outcome: Outcome) -> None:
        """Record the outcome of an earlier trial at each rung that it reached."""
        for epoch, rung in self._rungs.items():
            if (point := self._point(outcome, epoch)) is not None:
                rung.record(point)
        self.record_end(outcome)

    def record_end(self, outcome: Outcome) -> None:
        """Record the end of a trial that was judged here at its rungs."""
        if self._bound is not None:
            self._bound.record(outcome)

    def should_continue(self, number: int, outcome: Outcome) -> bool:
        """Whether trial `number` continues after its outcome at a rung. To be called once at each.

        A trial that no cheaper one dominates there continues; for others the pruner decides if it can, else the ranks.
        None of them continues that cannot reach the least accuracy.
        """
        is_promising = self._is_promising(number, outcome)
        return is_promising and (self._bound is None or self._bound.is_within_reach(outcome))

    def _is_promising(self, number: int, outcome: Outcome) -> bool:
        """Record the outcome at its rung; whether it may still become a member of the front."""
        epoch = len(outcome.curve)
        rung, point = self._rungs.get(epoch), self._point(outcome, epoch)
        if rung is None or point is None:
            return True
        if self._pruner is None:
            return rung.should_continue(point)
        is_dominated = rung.is_dominated(point)
        rung.record(point)
        if not is_dominated:
            return True
        losses = [row.loss for row in outcome.curve]
        # A pruner that does not know yet learns only from curves that go to the end.
        return self._pruner.should_continue(self._optuna, number, losses, self._settings.epochs) is not False

    def _point(self, outcome: Outcome, epoch: int) -> Point | None:
        """The losses of the objectives, first that of the accuracy after `epoch`; None where one is unknown."""
        if len(outcome.curve) < epoch:
            return None
        figures = {**outcome.figures, ACCURACY.name: outcome.curve[epoch - 1].accuracy}
        objectives = sorted(self._settings.objectives, key=lambda objective: not objective.maximise)
        if not all(objective.name in figures for objective in objectives):
            return None
        return tuple(objective.loss(figures[objective.name]) for objective in objectives)
