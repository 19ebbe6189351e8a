"""A study: asks for trials, records what is told of them, goes on where an earlier process stopped.

Our record is written first and Optuna is told after it; `recover` makes good what a killed process left between them.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState as OptunaState

from nas.architecture import Architecture
from nas.evaluation import Watcher
from nas.latency.meter import recorded
from nas.objective import ACCURACY, LATENCY, Measurement, recorded_objectives
from nas.results.convergence import expected_gain
from nas.results.front import Result, results
from nas.results.pareto import Point
from nas.results.rank_correlation import Audit, audits
from nas.samplers.distributions import distributions
from nas.samplers.setting import CURVE, OBSERVED, Pruner
from nas.space import Space
from nas.store.optuna_storage import annotate, invalidate_cache
from nas.store.retry import retry
from nas.store.store import Store
from nas.study.early_stopping import Rung
from nas.study.early_stopping import rungs as rungs_of
from nas.trial import MAX_ATTEMPTS, WORKER_LOST, Confirmation, Failure, Outcome, Trial, TrialState, fingerprints

if TYPE_CHECKING:
    from nas.latency.online_model import OnlineLatencyModel

# So many proposals are skipped by forecast in a row; the next one is measured, which also corrects the forecast.
MAX_SKIPS = 20
# With this many trials done and none of them complete, the rest of the budget would go the same way.
PATIENCE = 20
# Every so many trials it is looked at whether early accuracies foretell final ones.
AUDIT_INTERVAL = 20


class Study:
    """A search in progress, on one store. Meant for one driver: what runs when it opens was left by a dead one.

    `check_lease` raises SearchInterruptedError when another process has become the driver.

    At the epochs `rungs` it is judged whether a trial goes on, by the `pruner` of a sampler that has it. With
    `flat_below` it ends before the budget is spent when the trials that are left promise less gain than that.
    """

    def __init__(
        self,
        store: Store,
        study_id: int,
        optuna_study: optuna.Study,
        space: Space,
        settings: Mapping[str, Any],
        budget: int,
        watcher: Watcher,
        online_model: "OnlineLatencyModel | None" = None,
        rungs: Sequence[int] = (),
        pruner: Pruner | None = None,
        flat_below: float | None = None,
        clock: Callable[[], float] = time.time,
        check_lease: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = optuna_study.study_name
        self.settings = settings
        self.budget = budget
        self._store = store
        self._id = study_id
        self._optuna = optuna_study
        self._space = space
        self._distributions = distributions(space)
        self._watcher = watcher
        self._online_model = online_model
        self._skipped: set[str] = set()
        self._taken: set[str] = set()
        # Kept as trials come, since a study of thousands is asked for them after each: by number those on record and
        # those among them with a result, by architecture's key how often a worker was lost.
        self._done: set[int] = set()
        self._useful: set[int] = set()
        self._losses: Counter[str] = Counter()
        self._results: list[Result] | None = None
        self._clock = clock
        self._check_lease = check_lease
        self._trials: dict[int, Trial] = {}
        self._asked: dict[int, optuna.Trial] = {}
        self._holders: dict[str, Trial] = {}
        for trial in store.trials(study_id):
            self._put(trial)
        self.rungs = tuple(rungs)
        self._pruner = pruner
        self._rungs = {epoch: Rung() for epoch in rungs}
        for trial in self._trials.values():
            for epoch, rung in self._rungs.items():
                if trial.outcome is not None and (point := self._point(trial.outcome, epoch)) is not None:
                    rung.record(point)
        # By architecture's key, what a running trial had found out at its last rung.
        self._resume_from: dict[str, Outcome] = {}
        self._flat_below = flat_below
        self._gain: tuple[int, float | None] = (-1, None)

    @property
    def trials(self) -> Sequence[Trial]:
        return list(self._trials.values())

    @property
    def results(self) -> list[Result]:
        if self._results is None:
            self._results = results(self.trials, self.settings)
        return self._results

    @property
    def max_latency_ms(self) -> float | None:
        limit: float | None = self.settings["max_latency_ms"]
        return limit

    @property
    def done(self) -> int:
        """How many trials are on record, whatever came of them: what the budget counts."""
        return len(self._done)

    @property
    def taken(self) -> Collection[str]:
        """The keys of architectures that run, are on record or were skipped: not to be proposed (again)."""
        return self._taken if len(self._taken) < self._space.size else self._holders

    @property
    def is_hopeless(self) -> bool:
        """Whether so many trials ended without a single result that going on makes no sense."""
        return self.done >= PATIENCE and not self._useful

    @property
    def is_over(self) -> bool:
        running = len(self._holders) - self.done
        return running == 0 and self._is_spent

    @property
    def is_flat(self) -> bool:
        """Whether what is left of the budget promises less than was asked for."""
        return self._flat_below is not None and self.expected_gain is not None and self.expected_gain < self._flat_below

    @property
    def _is_spent(self) -> bool:
        return len(self._holders) >= min(self.budget, self._space.size) or self.is_hopeless or self.is_flat

    @property
    def expected_gain(self) -> float | None:
        """What the rest of the budget promises, as nas.results.convergence has it."""
        if self._gain[0] != self.done:
            left = max(0, min(self.budget, self._space.size) - self.done)
            self._gain = self.done, expected_gain(self.results, self._done, left, self.settings)
        return self._gain[1]

    def ask(self) -> Trial | None:
        """The next trial, recorded as running; None when the budget or the space is used up by what is done or runs.

        What is asked for by name (Optuna's `enqueue_trial`) and already on record is answered from the record. What is
        surely over the latency limit, by the forecast, is skipped: pruned in Optuna, and no trial of ours.
        """
        self._check_lease()
        skips = 0
        while not self._is_spent:
            asked = retry(lambda: self._optuna.ask(self._distributions))
            architecture = self._space.decode(asked.params)
            if skips < MAX_SKIPS and self._skip(asked, architecture):
                skips += 1
                continue
            holder = self._holders.get(architecture.key)
            if holder is not None:
                asked.set_user_attr("answered_from", holder.number)
                self._tell_optuna(asked, holder)
                continue
            trial = Trial(
                number=asked.number,
                architecture=architecture,
                state=TrialState.RUNNING,
                seed=trial_seed(self.settings["seed"], architecture.key),
                attempt=1 + self._losses[architecture.key],
            )
            self._store.begin_trial(self._id, trial, self._clock())
            self._put(trial)
            self._asked[trial.number] = asked
            self._name(asked, architecture)
            self._watcher.began(trial)
            return trial
        return None

    def _name(self, asked: optuna.Trial, architecture: Architecture) -> None:
        """Tell Optuna what the parameters make."""
        named = {"architecture": architecture.canonical_json, "key": architecture.key}
        retry(partial(annotate, self._optuna, asked, named))

    def recorded_latencies(self, architecture: Architecture) -> dict[str, Measurement]:
        """What this or another study measured of the architecture on the study's targets, by their names."""
        return recorded(self._store, architecture.key, fingerprints(self.settings))

    def resume_from(self, architecture: Architecture) -> Outcome | None:
        """What an attempt that was cut off had found out at its last rung, as far as this process knows."""
        return self._resume_from.get(architecture.key)

    def _skip(self, asked: optuna.Trial, architecture: Architecture) -> bool:
        """Whether the architecture is surely over the latency limit; Optuna is told then, and by how much."""
        if self._online_model is None or self.max_latency_ms is None or architecture.key in self._holders:
            return False
        prediction = self._online_model.predict(architecture)
        if prediction is None or prediction.low_ms <= self.max_latency_ms:
            return False
        self._skipped.add(architecture.key)
        self._taken.add(architecture.key)
        retry(partial(asked.set_constraint, LATENCY.name, prediction.ms - self.max_latency_ms))
        retry(partial(asked.set_user_attr, "predicted_latency_ms", prediction.ms))
        self._end_in_optuna(asked, OptunaState.PRUNED)
        return True

    def should_continue(self, number: int, outcome: Outcome) -> bool:
        """Whether a running trial is trained on, by what was found out up to a rung. To be asked once at each.

        What nothing as cheap beats at the rung is; of the others the sampler decides if it can, or else their ranks.
        """
        if outcome.checkpoint is not None:
            self._resume_from[self._trials[number].architecture.key] = outcome
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
        curve = [each.loss for each in outcome.curve]
        # What it does not know yet it can only learn from curves that go to the end.
        return self._pruner.should_continue(self._optuna, number, curve, self.settings["epochs"]) is not False

    def _point(self, outcome: Outcome, epoch: int) -> Point | None:
        """The objectives as losses, the accuracy's first and as it was after that epoch; None where one is lacking."""
        if len(outcome.curve) < epoch:
            return None
        figures = {**outcome.figures, ACCURACY.name: outcome.curve[epoch - 1].accuracy}
        objectives = sorted(recorded_objectives(self.settings), key=lambda objective: not objective.maximise)
        if not all(objective.name in figures for objective in objectives):
            return None
        return tuple(objective.loss(figures[objective.name]) for objective in objectives)

    def tell(self, number: int, outcome: Outcome) -> None:
        """Record the end of a running trial; of one that has ended nothing changes."""
        self._end(number, outcome.state, replace(outcome, checkpoint=None))

    def interrupt(self, number: int, cause: str, message: str) -> None:
        """Record that a running trial was cut off, and enqueue it again.

        One that was tried again three times, and whose worker died each time, is recorded as failed: the architecture
        itself may be the killer.
        """
        trial = self._trials[number]
        if cause == WORKER_LOST and trial.attempt >= MAX_ATTEMPTS:
            failure = Failure.given_up(cause, trial.attempt, message)
            self._end(number, TrialState.FAILED, Outcome(failure=failure))
        elif self._end(number, TrialState.INTERRUPTED, Outcome(failure=Failure(cause, message))):
            retry(partial(self._optuna.enqueue_trial, dict(self._space.encode(trial.architecture))))

    def confirm(self, number: int, confirmation: Confirmation) -> None:
        """Record one evaluation more of a trial that is done; of a seed that is on record nothing changes."""
        if self._store.add_confirmation(self._id, number, confirmation, self._clock()):
            trial = self._trials[number]
            if self._online_model is not None and confirmation.outcome.latency is not None:
                self._online_model.add([(trial.architecture, confirmation.outcome.latency)])
            trial = replace(trial, confirmations=(*trial.confirmations, confirmation))
            self._put(trial)
            self._watcher.confirmed(trial)

    def recover(self, cause: str) -> None:
        """Interrupt what a stopped process left running, and tell Optuna what it was not told.

        Raises SearchInterruptedError when another process drives the study: what runs is then that one's.
        """
        self._check_lease()
        invalidate_cache(self._optuna)
        running = self._optuna.get_trials(deepcopy=False, states=(OptunaState.RUNNING,))
        # Ctrl-C may come when a trial is on record and not yet known here.
        for unknown in self._store.trials(self._id, {each.number for each in running} - self._trials.keys()):
            self._put(unknown)
        for left in running:
            trial = self._trials.get(left.number)
            self._asked[left.number] = optuna.Trial(self._optuna, left._trial_id)
            if trial is None:
                self._end_in_optuna(self._asked.pop(left.number), OptunaState.FAIL)
                continue
            if trial.state is TrialState.RUNNING:
                self.interrupt(left.number, cause, "it was running then")
            else:
                self._tell_optuna(self._asked.pop(left.number), trial)

    def enqueue(self, architectures: Iterable[Architecture]) -> None:
        """Ask for these first, but for those that run or are on record."""
        for architecture in architectures:
            if architecture.key not in self._holders:
                self._optuna.enqueue_trial(dict(self._space.encode(architecture)), skip_if_exists=True)

    def audit(self) -> list[Audit]:
        """Put on record how well the accuracies at rungs, stopped at or not, foretell the final ones so far."""
        found = audits(self.trials, rungs_of(self.settings.get("epochs", 1)))
        if found:
            self._store.add_audits(self._id, self.done, found, self._clock())
        return found

    def _end(self, number: int, state: TrialState, outcome: Outcome) -> bool:
        now = self._clock()
        if not self._store.finish_trial(self._id, number, state, outcome, now):
            # It has another end, of a process that took this one for dead or of a call that was cut off.
            (ended,) = self._store.trials(self._id, {number})
            self._put(ended)
            if (asked := self._asked.pop(number, None)) is not None:
                self._tell_optuna(asked, ended)
            return False
        trial = replace(self._trials[number], state=state, outcome=outcome, finished_at=now)
        self._put(trial)
        if state.is_done:
            self._resume_from.pop(trial.architecture.key, None)
        if self._online_model is not None and outcome.latency is not None:
            self._online_model.add([(trial.architecture, outcome.latency)])
        self._tell_optuna(self._asked.pop(number), trial)
        self._watcher.ended(trial)
        if state.is_done and (self.done % AUDIT_INTERVAL == 0 or self.is_over):
            self._watcher.audited(self.audit())
        return True

    def _put(self, trial: Trial) -> None:
        key, before = trial.architecture.key, self._trials.get(trial.number)
        self._trials[trial.number] = trial
        self._results = None
        if trial.lost_worker and (before is None or not before.lost_worker):
            self._losses[key] += 1
        if trial.state.is_done:
            self._done.add(trial.number)
        if trial.state in (TrialState.COMPLETE, TrialState.STOPPED):
            self._useful.add(trial.number)
        if trial.claims_architecture:
            self._holders[key] = trial
            self._taken.add(key)
        elif self._holders.pop(key, None) is not None and key not in self._skipped:
            self._taken.discard(key)

    def _tell_optuna(self, asked: optuna.Trial, trial: Trial) -> None:
        """Tell Optuna of `asked` what is on record of `trial`; it does no harm to tell it twice.

        One that is infeasible or was stopped has no accuracy to tell: it is pruned, with what samplers learn from.
        """
        with suppress(optuna.exceptions.UpdateFinishedTrialError):
            retry(partial(self._told, asked, trial))

    def _told(self, asked: optuna.Trial, trial: Trial) -> None:
        outcome = trial.outcome or Outcome()
        latency = outcome.latency
        if latency is not None and self.max_latency_ms is not None:
            asked.set_constraint(LATENCY.name, latency.median - self.max_latency_ms)
        found = [outcome.figures.get(objective.name) for objective in recorded_objectives(self.settings)]
        is_pruned = trial.state in (TrialState.INFEASIBLE, TrialState.STOPPED)
        notes: dict[str, Any] = {}
        if outcome.parameters is not None:
            notes["parameters"] = outcome.parameters
        if outcome.failure is not None:
            notes["failure"] = f"{outcome.failure.cause}: {outcome.failure.message}"
        if outcome.curve:
            notes[CURVE] = [point.loss for point in outcome.curve]
        if is_pruned:
            notes[OBSERVED] = found
        annotate(self._optuna, asked, notes)
        if trial.state is TrialState.COMPLETE and None not in found:
            self._end_in_optuna(asked, OptunaState.COMPLETE, [value for value in found if value is not None])
        else:
            self._end_in_optuna(asked, OptunaState.PRUNED if is_pruned else OptunaState.FAIL)

    def _end_in_optuna(self, asked: optuna.Trial, state: OptunaState, values: Sequence[float] | None = None) -> None:
        retry(partial(self._optuna.tell, asked.number, values, state, skip_if_finished=True))


def trial_seed(study_seed: int, key: str, repeat: int = 0) -> int:
    """The seed of an architecture's training in a study: the same whenever and wherever it is trained.

    `repeat` counts its confirmations, which have seeds of their own.
    """
    text = f"{study_seed}:{key}" + (f":{repeat}" if repeat else "")
    digest = hashlib.blake2b(text.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1
