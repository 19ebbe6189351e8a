"""Optuna's copy of a study's trials: samplers learn from it, and Optuna's own tools read it.

A trial's row in our tables is written first and Optuna's after it, so every write here may be repeated.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import optuna
from optuna.trial import TrialState as OptunaState

from nas.architecture import Architecture
from nas.objective import ACCURACY, LATENCY
from nas.results.settings import ComparableSettings
from nas.samplers.distributions import distributions
from nas.samplers.setting import CURVE, LAST_SEEN, OBSERVED
from nas.space import Space
from nas.store.optuna_storage import annotate, invalidate_cache
from nas.store.retry import retry
from nas.trial import Outcome, Trial, TrialState


class OptunaMirror:
    """Asks Optuna for trials of a space, and writes their ends to it as they are recorded.

    A trial is open from `ask` or `reopen` until its end is written.
    """

    def __init__(self, optuna_study: optuna.Study, space: Space, settings: ComparableSettings) -> None:
        self.name = optuna_study.study_name
        self.study_id = optuna_study._study_id
        self._study = optuna_study
        self._space = space
        self._settings = settings
        self._distributions = distributions(space)
        self._open: dict[int, optuna.Trial] = {}

    def ask(self) -> tuple[int, Architecture]:
        """Ask the sampler for a trial; return its number and architecture."""
        asked = retry(lambda: self._study.ask(self._distributions))
        self._open[asked.number] = asked
        return asked.number, self._space.decode(asked.params)

    def is_open(self, number: int) -> bool:
        """Whether the trial was asked for or reopened here, and its end is not written yet."""
        return number in self._open

    def annotate(self, trial: Trial) -> None:
        """Add the architecture, which Optuna knows only by its parameters."""
        architecture = trial.architecture
        attributes = {"architecture": architecture.canonical_json, "key": architecture.key}
        retry(partial(annotate, self._study, self._open[trial.number], attributes))

    def skip(self, number: int, predicted_ms: float, limit_ms: float) -> None:
        """Prune a trial whose predicted latency is over the limit."""
        asked = self._open.pop(number)
        retry(partial(asked.set_constraint, LATENCY.name, predicted_ms - limit_ms))
        retry(partial(asked.set_user_attr, "predicted_latency_ms", predicted_ms))
        self._end(asked, OptunaState.PRUNED)

    def answer(self, number: int, trial: Trial) -> None:
        """End an open trial like a recorded `trial` of the same architecture."""
        asked = self._open.pop(number)
        asked.set_user_attr("answered_from", trial.number)
        self._tell(asked, trial)

    def tell(self, trial: Trial) -> None:
        """End an open trial as it is recorded; telling an end twice does no harm."""
        self._tell(self._open.pop(trial.number), trial)

    def fail(self, number: int) -> None:
        """End an open trial that was never recorded."""
        self._end(self._open.pop(number), OptunaState.FAIL)

    def enqueue(self, architecture: Architecture) -> None:
        """Make the architecture one of the next trials, unless Optuna has it already."""
        self._study.enqueue_trial(dict(self._space.encode(architecture)), skip_if_exists=True)

    def enqueue_again(self, architecture: Architecture) -> None:
        """Make an architecture whose trial was interrupted one of the next trials."""
        retry(partial(self._study.enqueue_trial, dict(self._space.encode(architecture))))

    def reopen(self) -> list[int]:
        """Open all trials that run in Optuna, also those of a stopped process; return their numbers in order."""
        invalidate_cache(self._study)
        running = self._study.get_trials(deepcopy=False, states=(OptunaState.RUNNING,))
        self._open |= {trial.number: optuna.Trial(self._study, trial._trial_id) for trial in running}
        return [trial.number for trial in running]

    def _tell(self, asked: optuna.Trial, trial: Trial) -> None:
        with suppress(optuna.exceptions.UpdateFinishedTrialError):
            retry(partial(self._write, asked, trial))

    def _write(self, asked: optuna.Trial, trial: Trial) -> None:
        """Write a recorded end. An infeasible or stopped trial has no accuracy: it is pruned, with what samplers learn
        from.
        """
        outcome = trial.outcome or Outcome()
        limits = self._settings.limits
        if outcome.latency is not None and limits.max_latency_ms is not None:
            asked.set_constraint(LATENCY.name, outcome.latency.median - limits.max_latency_ms)
        if outcome.accuracy is not None and limits.min_accuracy is not None:
            asked.set_constraint(ACCURACY.name, limits.min_accuracy - outcome.accuracy)
        objectives = self._settings.objectives
        values = [outcome.figures.get(objective.name) for objective in objectives]
        is_pruned = trial.state in (TrialState.INFEASIBLE, TrialState.STOPPED)
        attributes: dict[str, Any] = {}
        if outcome.parameters is not None:
            attributes["parameters"] = outcome.parameters
        if outcome.failure is not None:
            attributes["failure"] = f"{outcome.failure.cause}: {outcome.failure.message}"
        if outcome.curve:
            attributes[CURVE] = [point.loss for point in outcome.curve]
        if is_pruned:
            attributes[OBSERVED] = values
            if outcome.curve:
                last_figures = {ACCURACY.name: outcome.curve[-1].accuracy, **outcome.figures}
                attributes[LAST_SEEN] = [last_figures.get(objective.name) for objective in objectives]
        annotate(self._study, asked, attributes)
        if trial.state is TrialState.COMPLETE and None not in values:
            self._end(asked, OptunaState.COMPLETE, [value for value in values if value is not None])
        else:
            self._end(asked, OptunaState.PRUNED if is_pruned else OptunaState.FAIL)

    def _end(self, asked: optuna.Trial, state: OptunaState, values: Sequence[float] | None = None) -> None:
        retry(partial(self._study.tell, asked.number, values, state, skip_if_finished=True))
