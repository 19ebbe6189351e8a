"""A study: asks for trials, records their ends, and resumes where an earlier process stopped."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nas.architecture import Architecture
from nas.evaluation import Watcher
from nas.latency.meter import recorded
from nas.objective import Measurement
from nas.results.convergence import expected_gain
from nas.results.front import Result, results
from nas.results.rank_correlation import RankCheck, rank_checks
from nas.results.settings import ComparableSettings
from nas.space import Space
from nas.store.network_weights import weights_artifact, weights_name
from nas.store.store import Store
from nas.study.early_stopping import rungs
from nas.study.optuna_mirror import OptunaMirror
from nas.study.pruning import Pruning
from nas.study.time_limit import TimeLimit
from nas.trial import MAX_ATTEMPTS, WORKER_LOST, Confirmation, Failure, Outcome, Trial, TrialState

if TYPE_CHECKING:
    from nas.latency.online_model import OnlineLatencyModel

# Proposals in a row that the latency model may skip; the next one is measured, which also corrects the model.
MAX_CONSECUTIVE_SKIPS = 20
# With this many trials done and none of them complete, the rest of the budget would end the same way.
MAX_TRIALS_WITHOUT_RESULT = 20
# Trials between two computations of the rank correlation of early accuracies with final ones.
RANK_CHECK_INTERVAL = 20


class Study:
    """A search in progress, on one store. Meant for one driver: trials that run when it opens are a dead driver's.

    Our record of a trial's end is written first and Optuna's `mirror` after it; `recover` completes the mirror after a
    process was killed between the two. Without `pruning` every trial is trained to the end. `online_model` skips
    proposals that are over the latency limit. With `flat_below` the study ends before its budget when the remaining
    trials promise a smaller gain. `time_limit` ends the trials of this run; without a `budget` it alone does.
    `check_driver` raises SearchInterruptedError when another process has become the driver.
    """

    def __init__(
        self,
        store: Store,
        mirror: OptunaMirror,
        space: Space,
        settings: ComparableSettings,
        budget: int | None,
        watcher: Watcher,
        *,
        pruning: Pruning | None = None,
        online_model: "OnlineLatencyModel | None" = None,
        flat_below: float | None = None,
        time_limit: TimeLimit | None = None,
        check_driver: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = mirror.name
        self.settings = settings
        self.budget = budget
        self._store = store
        self._id = mirror.study_id
        self._mirror = mirror
        self._space = space
        self._watcher = watcher
        self._pruning = pruning
        self._online_model = online_model
        self._flat_below = flat_below
        self.time_limit = time_limit
        self._check_driver = check_driver
        # Skipped proposals by their keys.
        self._skipped: dict[str, Architecture] = {}
        self._excluded: set[str] = set()
        # Updated with each trial, since a study of thousands reads them after each: the numbers of trials that are done
        # and of those with a result, and the number of lost workers by an architecture's key.
        self._done: set[int] = set()
        self._useful: set[int] = set()
        self._losses: Counter[str] = Counter()
        self._results: list[Result] | None = None
        self._trials: dict[int, Trial] = {}
        self._holders: dict[str, Trial] = {}
        for trial in store.trials(self._id):
            self._put(trial)
            if pruning is not None and trial.outcome is not None:
                pruning.record(trial.outcome)
        # A running trial's outcome at its last rung, by its architecture's key.
        self._resume_from: dict[str, Outcome] = {}
        self._gain: tuple[int, float | None] = (-1, None)
        self._done_before = self.done

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
        return self.settings.limits.max_latency_ms

    @property
    def rungs(self) -> tuple[int, ...]:
        """The epochs after which running trials are judged."""
        return () if self._pruning is None else self._pruning.rungs

    @property
    def done(self) -> int:
        """The number of trials that are done, whatever their ends: the budget counts them."""
        return len(self._done)

    @property
    def excluded(self) -> Collection[str]:
        """The keys of architectures not to propose: they run, are done or were skipped."""
        return self._excluded

    @property
    def is_hopeless(self) -> bool:
        """Whether MAX_TRIALS_WITHOUT_RESULT trials are done and none has a result."""
        return self.done >= MAX_TRIALS_WITHOUT_RESULT and not self._useful

    @property
    def is_over(self) -> bool:
        running = len(self._holders) - self.done
        return running == 0 and self._is_spent

    @property
    def is_flat(self) -> bool:
        """Whether the rest of the budget promises a gain below `flat_below`."""
        return self._flat_below is not None and self.expected_gain is not None and self.expected_gain < self._flat_below

    @property
    def _is_spent(self) -> bool:
        return self.ending is not None

    @property
    def ending(self) -> str | None:
        """The reason why no further trial begins, in words; None while trials begin."""
        if len(self._holders) >= self.max_trials:
            if self.max_trials == self.budget:
                return "the budget is on record"
            return f"the space is used up: it has {self._space.size} members"
        if self.time_limit is not None and not self.time_limit.has_room_for_trials:
            return "the time is over"
        if self.has_no_candidate:
            return "no candidate is left within the limits"
        if self.is_hopeless:
            return f"none of {self.done} trials has a result"
        return "the remaining trials are expected to gain too little" if self.is_flat else None

    @property
    def has_no_candidate(self) -> bool:
        """Whether every member that is not on record was skipped as over the latency limit."""
        return bool(self._skipped) and len(self._excluded) >= self._space.size

    @property
    def max_trials(self) -> int:
        """The number of trials at the end: the budget, but no more than the space has members."""
        return self._space.size if self.budget is None else min(self.budget, self._space.size)

    @property
    def remaining(self) -> int:
        """The number of trials to come; within a time limit as many as it has room for, by the pace of this run."""
        remaining = max(0, self.max_trials - self.done)
        if self.time_limit is None:
            return remaining
        return min(remaining, self.time_limit.trials_left(self.done - self._done_before))

    @property
    def expected_gain(self) -> float | None:
        """The gain in hypervolume that the rest of the budget promises (nas.results.convergence)."""
        if self._gain[0] != self.done:
            self._gain = self.done, expected_gain(self.results, self._done, self.remaining, self.settings)
        return self._gain[1]

    def ask(self) -> Trial | None:
        """Record the next trial as running and return it; None when the budget or the space is used up.

        A proposal by name (Optuna's `enqueue_trial`) that is recorded already is answered from the record. A proposal
        that the latency model puts clearly over the limit is skipped: pruned in Optuna, and not recorded here.
        """
        self._check_driver()
        skips = 0
        while not self._is_spent:
            number, architecture = self._mirror.ask()
            if skips < MAX_CONSECUTIVE_SKIPS and self._skip(number, architecture):
                skips += 1
                continue
            holder = self._holders.get(architecture.key)
            if holder is not None:
                self._mirror.answer(number, holder)
                continue
            trial = Trial(
                number=number,
                architecture=architecture,
                state=TrialState.RUNNING,
                seed=trial_seed(self.settings.seed, architecture.key),
                attempt=1 + self._losses[architecture.key],
            )
            self._store.begin_trial(self._id, trial, time.time())
            self._put(trial)
            self._mirror.annotate(trial)
            self._watcher.began(trial)
            return trial
        return None

    def recorded_latencies(self, architecture: Architecture) -> dict[str, Measurement]:
        """Read this or another study's measurements of the architecture on the study's targets, by target."""
        return recorded(self._store, architecture, self.settings.fingerprints)

    def resume_from(self, architecture: Architecture) -> Outcome | None:
        """Return the outcome of an interrupted attempt at its last rung, if this process has seen it."""
        return self._resume_from.get(architecture.key)

    def _skip(self, number: int, architecture: Architecture) -> bool:
        """Skip a proposal that is clearly over the latency limit; return whether it is."""
        predicted_ms = None if architecture.key in self._holders else self._predicted_over_limit_ms(architecture)
        if predicted_ms is None or self.max_latency_ms is None:
            return False
        self._skipped[architecture.key] = architecture
        self._excluded.add(architecture.key)
        self._mirror.skip(number, predicted_ms, self.max_latency_ms)
        self._review_skips()
        return True

    def _predicted_over_limit_ms(self, architecture: Architecture) -> float | None:
        """The predicted latency where it is clearly over the limit, else None."""
        if self._online_model is None or self.max_latency_ms is None:
            return None
        prediction = self._online_model.predict(architecture)
        return None if prediction is None or prediction.low_ms <= self.max_latency_ms else prediction.ms

    def _review_skips(self) -> None:
        """Where nothing else is left, allow again what the latency model, which has learned since, would not skip."""
        for key, architecture in list(self._skipped.items()) if self.has_no_candidate else ():
            if self._predicted_over_limit_ms(architecture) is None:
                del self._skipped[key]
                self._excluded.discard(key)

    def should_continue(self, number: int, outcome: Outcome) -> bool:
        """Whether a running trial continues after its outcome at a rung. To be called once at each."""
        if outcome.checkpoint is not None:
            self._resume_from[self._trials[number].architecture.key] = outcome
        return self._pruning is None or self._pruning.should_continue(number, outcome)

    def tell(self, number: int, outcome: Outcome) -> None:
        """Record the end of a running trial; a trial that has ended does not change."""
        self._end(number, outcome.state, replace(outcome, checkpoint=None))

    def interrupt(self, number: int, cause: str, message: str) -> None:
        """Record that a running trial was cut off, and enqueue it again.

        After MAX_ATTEMPTS attempts whose workers all died it is recorded as failed: the architecture itself may be
        what kills them.
        """
        trial = self._trials[number]
        if cause == WORKER_LOST and trial.attempt >= MAX_ATTEMPTS:
            failure = Failure.given_up(cause, trial.attempt, message)
            self._end(number, TrialState.FAILED, Outcome(failure=failure))
        elif self._end(number, TrialState.INTERRUPTED, Outcome(failure=Failure(cause, message))):
            self._mirror.enqueue_again(trial.architecture)

    def confirm(self, number: int, confirmation: Confirmation) -> None:
        """Record a further evaluation of a trial that is done, unless one with the same seed is recorded."""
        key, weights = self._trials[number].architecture.key, confirmation.outcome.weights
        if weights is not None:
            self._store.put_artifact(weights_artifact(self.name, number, key, weights))
        confirmation = replace(confirmation, outcome=replace(confirmation.outcome, checkpoint=None, weights=None))
        if self._store.add_confirmation(self._id, number, confirmation, time.time()):
            trial = self._trials[number]
            if self._online_model is not None and confirmation.outcome.latency is not None:
                self._online_model.add([(trial.architecture, confirmation.outcome.latency)])
            trial = replace(trial, confirmations=(*trial.confirmations, confirmation))
            self._put(trial)
            self._watcher.confirmed(trial)

    def weights(self, number: int) -> bytes | None:
        """The recorded weights of the trial's network; None where it was not trained at the target."""
        artifact = self._store.artifact(weights_name(self.name, number))
        return None if artifact is None else artifact.content

    def put_test_accuracy(self, number: int, final: Confirmation, accuracy: float) -> None:
        """Record the accuracy on the test part of a trial's network."""
        self._store.put_test_accuracy(self._id, number, final.seed, accuracy)
        trial = self._trials[number]
        tested = replace(final, test_accuracy=accuracy)
        confirmations = tuple(tested if other == final else other for other in trial.confirmations)
        self._put(replace(trial, confirmations=confirmations))

    def recover(self, cause: str) -> None:
        """Interrupt the trials that a stopped process left running, and tell Optuna the ends that it lacks.

        Raises SearchInterruptedError when another process drives the study: the running trials are then that one's.
        """
        self._check_driver()
        running = self._mirror.reopen()
        # Ctrl-C may come when a trial is recorded and not yet known here.
        for unknown in self._store.trials(self._id, set(running) - self._trials.keys()):
            self._put(unknown)
        for number in running:
            trial = self._trials.get(number)
            if trial is None:
                self._mirror.fail(number)
            elif trial.state is TrialState.RUNNING:
                self.interrupt(number, cause, "it was running then")
            else:
                self._mirror.tell(trial)

    def enqueue(self, architectures: Iterable[Architecture]) -> None:
        """Ask for these architectures first, but for those that run or are done."""
        for architecture in architectures:
            if architecture.key not in self._holders:
                self._mirror.enqueue(architecture)

    def check_ranks(self) -> list[RankCheck]:
        """Record how well the accuracies at rungs, whether or not trials stop there, rank the final ones so far."""
        correlations = rank_checks(self.trials, rungs(self.settings.epochs))
        if correlations:
            self._store.add_rank_checks(self._id, self.done, correlations, time.time())
        return correlations

    def _end(self, number: int, state: TrialState, outcome: Outcome) -> bool:
        now = time.time()
        if not self._store.finish_trial(self._id, number, state, outcome, now):
            # It has another end, of a process that took this one for dead or of a call that was cut off.
            (ended,) = self._store.trials(self._id, {number})
            self._put(ended)
            if self._mirror.is_open(number):
                self._mirror.tell(ended)
            return False
        trial = replace(self._trials[number], state=state, outcome=outcome, finished_at=now)
        self._put(trial)
        if self._pruning is not None:
            self._pruning.record_end(outcome)
        if state.is_done:
            self._resume_from.pop(trial.architecture.key, None)
        if self._online_model is not None and outcome.latency is not None:
            self._online_model.add([(trial.architecture, outcome.latency)])
            self._review_skips()
        self._mirror.tell(trial)
        self._watcher.ended(trial)
        if state.is_done and (self.done % RANK_CHECK_INTERVAL == 0 or self.is_over):
            self._watcher.ranks_checked(self.check_ranks())
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
            self._skipped.pop(key, None)
            self._excluded.add(key)
        elif self._holders.pop(key, None) is not None:
            self._excluded.discard(key)


def trial_seed(study_seed: int, key: str, repeat: int = 0) -> int:
    """Derive the seed of an architecture's training in a study: the same whenever and wherever it is trained.

    `repeat` numbers its confirmations, which have seeds of their own.
    """
    text = f"{study_seed}:{key}" + (f":{repeat}" if repeat else "")
    digest = hashlib.blake2b(text.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1
