"""Our sampler: a Gaussian process of what is dear, costs that are known or learnt, the greatest expected improvement.

What is dear (accuracy) is modelled; what is cheap (latency) is known of every candidate, by a callable, or learnt from
the trials by a process of its own whose mean is taken for the truth. The next trial is the candidate with the greatest
expected hypervolume improvement, found among random members, neighbours of the front and, by local search, neighbours
of the best of these.
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

from nas.samplers.distributions import distributions
from nas.samplers.ehvi.acquisition import Acquisition
from nas.samplers.ehvi.candidate_pool import CandidatePool, Floats
from nas.samplers.ehvi.costs import Costs, Known
from nas.samplers.ehvi.encoding import Encoding, Indices, Row
from nas.samplers.ehvi.fitting import Surrogates, schedule
from nas.samplers.ehvi.history import PROPOSED, History
from nas.samplers.setting import Cost, SamplerSetting
from nas.space import Space

# So many trials are spread over the space before a model is asked.
INITIAL = 6
# Local search: so many of the best candidates have their neighbours looked at, so many times.
BEST, ROUNDS = 4, 2
# So many times before a first member within the limits is found.
SEARCHES = 8
# With so many running trials one more is proposed at a time: that one of them ends changes little. Each is then chosen
# among so many of the best candidates for each that is wanted, of which features are found out that take long.
TOGETHER, RIVALS = 8, 8
# So many times a trial is proposed another member where another process was quicker.
AGAIN = 8
# Where Optuna keeps a trial's parameters that were enqueued.
FIXED = "fixed_params"
# Training to the end is worth while from this share of the hypervolume on: a hundred trials that are stopped would have
# added 1% at most, and less in fact, since many of them promise the same improvement.
WORTH = 1e-4


class EhviSampler(BaseSampler):
    """For any Optuna study of a space, with two objectives or more, of which number `expensive` is modelled as dear.

    `costs` tell another objective of any architecture, by its number in the study and in its own unit, or None where
    they do not know; `limits` are the most that an objective may be, by number; `features` are further numbers that may
    go with the dear objective, `expensive_features` such that take too long to be looked at of more than the best
    candidates. A member is not proposed twice while there are others. The same seed and the same trials give the same
    proposal; without one, as with Optuna's samplers, no two are alike.
    """

    def __init__(
        self,
        space: Space,
        seed: int | None = None,
        *,
        expensive: int = 0,
        costs: Mapping[int, Cost] | None = None,
        limits: Mapping[int, float] | None = None,
        features: Sequence[Cost] = (),
        expensive_features: Sequence[Cost] = (),
    ) -> None:
        if not isinstance(expensive, int) or expensive < 0:
            raise ValueError(f"EhviSampler(dear={expensive!r}) is not the number of an objective, from 0 on")
        told_by = [*(costs or {}).values(), *features, *expensive_features]
        if wrong := [each for each in told_by if not callable(each)]:
            raise ValueError(f"EhviSampler: costs and features are functions of an architecture, not {wrong[0]!r}")
        self._expensive = expensive
        self._distributions = distributions(space)
        self._encoding = Encoding(space.choices, space.unused)
        self._numbers = {*(costs or {}), *(limits or {})}
        drawn = secrets.randbits(32) if seed is None else seed
        self._pool = CandidatePool(space, self._encoding, [*(costs or {}).values(), *features], drawn)
        self._closely = self._pool.of(expensive_features) if expensive_features else None
        self._known = Known(
            [number - (number > expensive) for number in costs or ()],
            {number - (number > expensive): limit for number, limit in (limits or {}).items()},
        )
        self._courses: dict[tuple[str, int], _StudyState] = {}
        # Of parameters that a study has besides the space's.
        self._others = RandomSampler(drawn)
        self._set_up()

    def _set_up(self) -> None:
        # Matrices are small and cores are busy with trials: a second thread would wait for its turn at every product.
        self._libraries = ThreadpoolController()
        # Optuna's own `optimize` asks in several threads.
        self._asking = Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Pickled without what belongs to a process."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_libraries", "_asking")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._set_up()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        with self._asking:
            fixed = trial.system_attrs.get(FIXED)
            course = self._course(study)
            history = course.history
            for _ in range(AGAIN):
                row = self._proposal(course, history.running(trial.number))
                if fixed:
                    row = self._with(fixed, row, history)
                history.propose(trial.number, row)
                parameters = self._encoding.parameters(row)
                # Of processes that ask at the same moment at least the last one sees what the others have chosen.
                study._storage.set_trial_system_attr(trial._trial_id, PROPOSED, parameters)
                self._course(study)
                if fixed or history.is_free(row, trial.number):
                    break
            return parameters

    def _proposal(self, course: "_StudyState", running: Sequence[Row]) -> Row:
        history = course.history
        # By a count that interruptions do not change, so that a search that goes on proposes what it would have anyway.
        drawn = self._pool.random(history.members_tried)
        left = [row for row in drawn if not history.has(row)] or self._pool.first(history.has) or drawn
        if history.complete < INITIAL:
            others = [*(each.row for each in history.observations), *running]
            allowed = self._within_limits(left, course)
            return allowed[_farthest(self._encoding.indices(allowed), self._encoding.indices(others))]
        if schedule(history.complete) != course.asked_costs_at:
            course.asked_costs_at = schedule(history.complete)
            self._pool.forget_costs()
        course.queue[:] = [row for row in course.queue if not history.has(row)]
        if not course.queue:
            with self._libraries.limit(limits=1):
                course.queue += self._best(course, left, running)
        return course.queue.pop(0)

    def _with(self, fixed: Mapping[str, Any], row: Row, history: History) -> Row:
        """A member with the choices that were enqueued (Optuna's `enqueue_trial`), the others by `row` if there is one.

        What is no choice of the space is left to Optuna.
        """
        for other in (row, *self._pool.random(history.members_tried)):
            try:
                found = self._encoding.row({**self._encoding.parameters(other), **fixed})
            except KeyError:
                return row
            if self._pool.holds(found) and not history.has(found):
                return found
        return row

    def should_continue(self, study: Study, number: int, curve: Sequence[float], epochs: int) -> bool | None:
        """Whether a running trial is worth training on, by its training loss after each epoch up to now.

        It is while it promises at least WORTH, or as much less as epochs are left. None while too little is known.
        """
        with self._asking, self._libraries.limit(limits=1):
            course = self._course(study)
            row = self._encoding.row(study.get_trials(deepcopy=False)[number].params)
            if course.history.complete < INITIAL:
                return None
            promise = self._landscape(course, course.history.running(number)).promise(row, curve)
        return None if promise is None else promise * epochs >= WORTH * (epochs - len(curve))

    def _landscape(self, course: "_StudyState", running: Sequence[Row]) -> Acquisition:
        costs = self._costs(course)
        return Acquisition(self._encoding, self._pool.costs, costs, course.models, course.history, running)

    def _close_landscape(self, closely: CandidatePool, course: "_StudyState", running: Sequence[Row]) -> Acquisition:
        """By what takes long to be known, too."""

        def known(rows: Sequence[Row]) -> Floats:
            return np.hstack([self._pool.costs(rows), closely.costs(rows)])

        costs = self._costs(course)
        return Acquisition(self._encoding, known, costs, course.close_models, course.history, running)

    def _costs(self, course: "_StudyState") -> Costs:
        return Costs(self._encoding, self._known, course.models, course.history)

    def _within_limits(self, rows: list[Row], course: "_StudyState") -> list[Row]:
        """Those of them that are, as far as is known; if none is, those that are found from there.

        Where no search ends within the limits, what may be the nearest to them.
        """
        if not self._known.limits:
            return rows
        costs, hoped = self._costs(course), dict[Row, float]()
        for _ in range(1 + SEARCHES):
            known = self._pool.costs(rows)
            if (is_allowed := costs.excess(costs.of(rows, known)) == 0).any():
                return list(compress(rows, is_allowed))
            hoped.update(zip(rows, costs.excess(costs.of(rows, known, hope=1.0)).tolist(), strict=True))
            near = self._pool.near(nsmallest(BEST, hoped, key=hoped.__getitem__))
            rows = [row for row in near if row not in hoped and not course.history.has(row)]
            if not rows:
                break
        return nsmallest(1, hoped, key=hoped.__getitem__)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Of a parameter that the space does not have: at random."""
        return self._others.sample_independent(study, trial, param_name, param_distribution)

    def _course(self, study: Study) -> "_StudyState":
        """Raises ValueError where the study is not of two objectives or more, one of which is the dear one, or has none
        of a cost's or limit's number.
        """
        if not 0 <= self._expensive < len(study.directions) >= 2:
            raise ValueError(
                f"EhviSampler(dear={self._expensive}) needs a study of two objectives or more, of which that is one; "
                f"this one has {len(study.directions)}"
            )
        others = [number for number in range(len(study.directions)) if number != self._expensive]
        if wrong := sorted(self._numbers.difference(others)):
            raise ValueError(
                f"EhviSampler: costs and limits are of objectives besides the dear one, whose numbers are "
                f"{', '.join(map(str, others))}, not {', '.join(map(str, wrong))}"
            )
        # Storages in memory give all studies the same number.
        name, trials = (study.study_name, study._study_id), study.get_trials(deepcopy=False)
        course = self._courses.get(name)
        # Databases give a number again, when the study that had it is deleted.
        if course is None or course.history.trials_read > len(trials):
            course = self._courses[name] = _StudyState(History(self._encoding, study, [self._expensive, *others]))
        course.history.read(trials)
        return course

    def _best(self, course: "_StudyState", left: list[Row], running: Sequence[Row]) -> list[Row]:
        """The most promising candidate, and more where many run, each as if those before it were running."""
        landscape, history = self._landscape(course, running), course.history
        count = 1 + len(running) // TOGETHER
        gains: dict[Row, float] = {}

        def look_at(rows: Sequence[Row]) -> None:
            new = [row for row in dict.fromkeys(rows) if row not in gains and not history.has(row)]
            if new:
                gains.update(zip(new, landscape.improvement(new).tolist(), strict=True))

        look_at([*left, *self._pool.near(landscape.front)])
        for _ in range(ROUNDS):
            look_at(self._pool.near(nlargest(BEST, gains, key=gains.__getitem__)))
        rivals = nlargest(count * RIVALS, gains, key=gains.__getitem__) or left[:1]
        if self._closely is not None:
            landscape = self._close_landscape(self._closely, course, running)
            rivals = [rivals[place] for place in np.argsort(-landscape.improvement(rivals), kind="stable")]
        chosen = rivals[:1]
        while len(chosen) < min(count, len(rivals)):
            landscape = landscape.expecting(chosen[-1])
            rest = [row for row in rivals if row not in chosen]
            chosen.append(rest[int(np.argmax(landscape.improvement(rest)))])
        return chosen


@dataclass
class _StudyState:
    """What the sampler knows of one study."""

    history: History
    models: Surrogates = field(default_factory=Surrogates)
    close_models: Surrogates = field(default_factory=Surrogates)
    queue: list[Row] = field(default_factory=list)
    asked_costs_at: int = 0


def _farthest(rows: Indices, others: Indices) -> int:
    """The place of the row that differs most from the one of `others` that it is most like."""
    return int(np.argmax((rows[:, None] != others[None]).sum(2).min(1, initial=rows.shape[1])))


def ehvi(setting: SamplerSetting) -> EhviSampler:
    """The sampler for a study of ours."""
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
