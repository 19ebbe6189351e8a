"""The sampler: a surrogate of the expensive objective, known or predicted cheap ones, expected hypervolume improvement.

The expensive objective (accuracy) has a Gaussian process for a surrogate. The cheap ones (latency) are known of every
candidate, by a callable, or predicted by surrogates of their own, whose mean counts as the truth. The next trial is the
candidate with the greatest expected gain of hypervolume, in the region of interest before all (regions.py), searched
among random members, neighbours of the front and, by local search, neighbours of the best of these.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest, nsmallest
from itertools import compress
from threading import Lock
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial
from threadpoolctl import ThreadpoolController

from nas.samplers.deprecated import renamed_options
from nas.samplers.distributions import distributions
from nas.samplers.ehvi.acquisition import Acquisition
from nas.samplers.ehvi.candidate_pool import CandidatePool, Floats
from nas.samplers.ehvi.costs import Costs, KnownCosts
from nas.samplers.ehvi.encoding import Encoding, Indices, Row
from nas.samplers.ehvi.fitting import Surrogates, fit_size
from nas.samplers.ehvi.history import PROPOSED, History
from nas.samplers.setting import ArchitectureMetric, SamplerSetting
from nas.space import Space

# Trials spread over the space before a surrogate is fitted.
INITIAL_TRIALS = 6
# Local search: the number of best candidates whose neighbours are evaluated, and the number of rounds.
LOCAL_SEARCH_STARTS, LOCAL_SEARCH_ROUNDS = 4, 2
# Rounds of local search for a first member within the limits.
MAX_FEASIBILITY_ROUNDS = 8
# For each RUNNING_PER_PROPOSAL running trials one more proposal is made at a time: that one of them ends changes
# little. Each is chosen among FINALISTS of the best candidates, for which alone expensive features are evaluated.
RUNNING_PER_PROPOSAL, FINALISTS = 8, 8
# Proposals for one trial, where other processes propose the same member first.
MAX_PROPOSALS = 8
# Random members by whose predicted losses the region of interest is known.
MEMBERS = 256
# The attribute in which Optuna keeps a trial's enqueued parameters.
FIXED = "fixed_params"
# The least expected gain, as a share of the hypervolume, that training to the end is worth: a hundred stopped trials
# would have added 1% at most, and less in fact, since many of them promise the same improvement.
MIN_GAIN = 1e-4


class EhviSampler(BaseSampler):
    """A sampler for any Optuna study of a space with two objectives or more, number `expensive` of which is modelled.

    `costs` give another objective of any architecture, by its number in the study and in its own unit, or None where it
    is unknown. `limits` are objectives' upper limits, by number, and the worst acceptable value of the expensive one,
    to which the region of interest extends. `features` are further numbers that may correlate with the expensive
    objective; `expensive_features` take so long that only the best candidates' are evaluated. A member is not proposed
    twice while there are others. The same seed and the same trials give the same proposal; without a seed, as with
    Optuna's samplers, no two samplers are alike.
    """

    @renamed_options(dear="expensive", dear_features="expensive_features")
    def __init__(
        self,
        space: Space,
        seed: int | None = None,
        *,
        expensive: int = 0,
        costs: Mapping[int, ArchitectureMetric] | None = None,
        limits: Mapping[int, float] | None = None,
        features: Sequence[ArchitectureMetric] = (),
        expensive_features: Sequence[ArchitectureMetric] = (),
    ) -> None:
        if not isinstance(expensive, int) or expensive < 0:
            raise ValueError(f"EhviSampler(expensive={expensive!r}) is not the number of an objective, from 0 on")
        metrics = [*(costs or {}).values(), *features, *expensive_features]
        if wrong := [metric for metric in metrics if not callable(metric)]:
            raise ValueError(f"EhviSampler: costs and features must be functions of an architecture, got {wrong[0]!r}")
        self._expensive = expensive
        self._distributions = distributions(space)
        self._encoding = Encoding(space.choices, space.unused)
        self._cheap_numbers = {*(costs or {}), *(limits or {}).keys() - {expensive}}
        seed = secrets.randbits(32) if seed is None else seed
        self._pool = CandidatePool(space, self._encoding, [*(costs or {}).values(), *features], seed)
        self._expensive_pool = self._pool.with_metrics(expensive_features) if expensive_features else None
        self._known_costs = KnownCosts(
            [number - (number > expensive) for number in costs or ()],
            {n - (n > expensive): limit for n, limit in (limits or {}).items() if n != expensive},
            (limits or {}).get(expensive),
        )
        self._states: dict[tuple[str, int], _StudyState] = {}
        # For parameters that a study has besides the space's.
        self._independent_sampler = RandomSampler(seed)
        self._create_process_state()

    def _create_process_state(self) -> None:
        # Matrices are small and cores are busy with trials: a second thread would wait for its turn at every product.
        self._blas = ThreadpoolController()
        # Optuna's own `optimize` asks in several threads.
        self._lock = Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Return the state to pickle, without what belongs to a process."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_blas", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._create_process_state()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        with self._lock:
            fixed = trial.system_attrs.get(FIXED)
            state = self._state(study)
            history = state.history
            for _ in range(MAX_PROPOSALS):
                row = self._propose(state, history.pending(trial.number))
                if fixed:
                    row = self._complete(fixed, row, history)
                history.propose(trial.number, row)
                parameters = self._encoding.parameters(row)
                # Of processes that ask at the same moment at least the last one sees what the others have chosen.
                study._storage.set_trial_system_attr(trial._trial_id, PROPOSED, parameters)
                self._state(study)
                if fixed or history.is_unique(row, trial.number):
                    break
            return parameters

    def _propose(self, state: "_StudyState", pending: Sequence[Row]) -> Row:
        history = state.history
        # By a count that interruptions do not change, so that a search that goes on proposes what it would have anyway.
        random_rows = self._pool.random(history.member_count)
        unused = [row for row in random_rows if not history.contains(row)]
        unused = unused or self._pool.first_unused(history.contains) or random_rows
        if history.complete_count < INITIAL_TRIALS:
            others = [*(observation.row for observation in history.observations), *pending]
            allowed = self._within_limits(unused, state)
            return allowed[_farthest(self._encoding.indices(allowed), self._encoding.indices(others))]
        if fit_size(history.complete_count) != state.metrics_read_at:
            state.metrics_read_at = fit_size(history.complete_count)
            self._pool.invalidate_metrics()
        state.queue[:] = [row for row in state.queue if not history.contains(row)]
        if not state.queue:
            with self._blas.limit(limits=1):
                state.queue += self._maximise(state, unused, pending)
        return state.queue.pop(0)

    def _complete(self, fixed: Mapping[str, Any], row: Row, history: History) -> Row:
        """Complete enqueued choices (Optuna's `enqueue_trial`) to a member, by `row` where that is possible.

        Choices that the space does not have are left to Optuna.
        """
        for candidate in (row, *self._pool.random(history.member_count)):
            try:
                completed = self._encoding.row({**self._encoding.parameters(candidate), **fixed})
            except KeyError:
                return row
            if self._pool.allows(completed) and not history.contains(completed):
                return completed
        return row

    def should_continue(self, study: Study, number: int, curve: Sequence[float], epochs: int) -> bool | None:
        """Whether a running trial is worth training on, by its training loss after each epoch up to now.

        It is while its expected gain is at least MIN_GAIN, times the share of epochs left. None where too little is
        known.
        """
        with self._lock, self._blas.limit(limits=1):
            state = self._state(study)
            row = self._encoding.row(study.get_trials(deepcopy=False)[number].params)
            if state.history.complete_count < INITIAL_TRIALS:
                return None
            gain = self._acquisition(state, state.history.pending(number)).expected_gain(row, curve)
        return None if gain is None else gain * epochs >= MIN_GAIN * (epochs - len(curve))

    def _acquisition(self, state: "_StudyState", pending: Sequence[Row]) -> Acquisition:
        costs, members = self._costs(state), self._pool.random(state.history.member_count)[:MEMBERS]
        return Acquisition(self._encoding, self._pool.metrics, costs, state.surrogates, state.history, pending, members)

    def _final_acquisition(
        self, expensive_pool: CandidatePool, state: "_StudyState", pending: Sequence[Row]
    ) -> Acquisition:
        """Return the acquisition with expensive features, too."""

        def metrics(rows: Sequence[Row]) -> Floats:
            return np.hstack([self._pool.metrics(rows), expensive_pool.metrics(rows)])

        costs = self._costs(state)
        return Acquisition(self._encoding, metrics, costs, state.final_surrogates, state.history, pending)

    def _costs(self, state: "_StudyState") -> Costs:
        return Costs(self._encoding, self._known_costs, state.surrogates, state.history)

    def _within_limits(self, rows: list[Row], state: "_StudyState") -> list[Row]:
        """Return those within the limits, as far as is known; if none is, others that local search finds from them.

        Where it finds none, return the one with the least violation by optimistic predictions.
        """
        if not self._known_costs.limits:
            return rows
        costs, violations = self._costs(state), dict[Row, float]()
        for _ in range(1 + MAX_FEASIBILITY_ROUNDS):
            metrics = self._pool.metrics(rows)
            if (is_allowed := costs.violation(costs.predict(rows, metrics)) == 0).any():
                return list(compress(rows, is_allowed))
            optimistic = costs.violation(costs.predict(rows, metrics, optimism=1.0))
            violations.update(zip(rows, optimistic.tolist(), strict=True))
            neighbours = self._pool.neighbours(nsmallest(LOCAL_SEARCH_STARTS, violations, key=violations.__getitem__))
            rows = [row for row in neighbours if row not in violations and not state.history.contains(row)]
            if not rows:
                break
        return nsmallest(1, violations, key=violations.__getitem__)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Sample a parameter that the space does not have, at random."""
        return self._independent_sampler.sample_independent(study, trial, param_name, param_distribution)

    def _state(self, study: Study) -> "_StudyState":
        """Return the state of a study, with its latest trials read.

        Raises ValueError where the study does not have two objectives or more with the expensive one among them, or
        lacks the objective of a cost or a limit.
        """
        if not 0 <= self._expensive < len(study.directions) >= 2:
            raise ValueError(
                f"EhviSampler(expensive={self._expensive}) needs a study of two objectives or more, of which that is "
                f"one; this one has {len(study.directions)}"
            )
        cheap = [number for number in range(len(study.directions)) if number != self._expensive]
        if wrong := sorted(self._cheap_numbers.difference(cheap)):
            raise ValueError(
                f"EhviSampler: costs and limits are of objectives besides the expensive one, whose numbers are "
                f"{', '.join(map(str, cheap))}, not {', '.join(map(str, wrong))}"
            )
        # Storages in memory give all studies the same number.
        name, trials = (study.study_name, study._study_id), study.get_trials(deepcopy=False)
        state = self._states.get(name)
        # Databases give a number again, when the study that had it is deleted.
        if state is None or state.history.trials_read > len(trials):
            state = self._states[name] = _StudyState(History(self._encoding, study, [self._expensive, *cheap]))
        state.history.read(trials)
        return state

    def _maximise(self, state: "_StudyState", rows: list[Row], pending: Sequence[Row]) -> list[Row]:
        """Return the candidate of greatest acquisition, and more where many run, each as if the ones before it ran."""
        acquisition, history = self._acquisition(state, pending), state.history
        count = 1 + len(pending) // RUNNING_PER_PROPOSAL
        improvements: dict[Row, float] = {}

        def evaluate(rows: Sequence[Row]) -> None:
            new = [row for row in dict.fromkeys(rows) if row not in improvements and not history.contains(row)]
            if new:
                improvements.update(zip(new, acquisition.improvement(new).tolist(), strict=True))

        def best(number: int) -> list[Row]:
            return nlargest(number, improvements, key=improvements.__getitem__)

        evaluate([*rows, *self._pool.neighbours(acquisition.front)])
        for _ in range(LOCAL_SEARCH_ROUNDS):
            evaluate(self._pool.neighbours(best(LOCAL_SEARCH_STARTS)))
        finalists = best(count * FINALISTS) or rows[:1]
        if self._expensive_pool is not None:
            final = self._final_acquisition(self._expensive_pool, state, pending)
            acquisition = final.in_regions(acquisition.regions)
            order = np.argsort(-acquisition.improvement(finalists), kind="stable")
            finalists = [finalists[index] for index in order]
        chosen = finalists[:1]
        while len(chosen) < min(count, len(finalists)):
            acquisition = acquisition.with_pending(chosen[-1])
            rest = [row for row in finalists if row not in chosen]
            chosen.append(rest[int(np.argmax(acquisition.improvement(rest)))])
        return chosen


@dataclass
class _StudyState:
    """The sampler's state for one study; `queue` holds proposals that were made together."""

    history: History
    surrogates: Surrogates = field(default_factory=Surrogates)
    final_surrogates: Surrogates = field(default_factory=Surrogates)
    queue: list[Row] = field(default_factory=list)
    metrics_read_at: int = 0


def _farthest(rows: Indices, others: Indices) -> int:
    """Return the index of the row that differs most from the nearest of `others`."""
    return int(np.argmax((rows[:, None] != others[None]).sum(2).min(1, initial=rows.shape[1])))


def ehvi(setting: SamplerSetting) -> EhviSampler:
    """Create the sampler for a search."""
    numbers = {objective.name: number for number, objective in enumerate(setting.objectives)}
    return EhviSampler(
        setting.space,
        setting.seed,
        expensive=setting.expensive,
        costs={numbers[name]: cost for name, cost in setting.costs.items() if name in numbers},
        limits={numbers[name]: limit for name, limit in setting.limits.items() if name in numbers},
        features=setting.features,
        expensive_features=setting.expensive_features,
    )
