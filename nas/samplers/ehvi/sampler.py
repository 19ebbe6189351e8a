"""Our sampler: a Gaussian process of what is dear, costs that are known or learnt, the greatest expected improvement.

What is dear (accuracy) is modelled; what is cheap (latency) is known of every candidate, by a callable, or learnt from
the trials by a process of its own whose mean is taken for the truth. The next trial is the candidate with the greatest
expected hypervolume improvement, found among random members, neighbours of the front and, by local search, neighbours
of the best of these.
"""

import secrets
from collections.abc import Mapping, Sequence
from heapq import nlargest, nsmallest
from itertools import compress
from threading import Lock
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial
from threadpoolctl import ThreadpoolController

from nas.samplers.distributions import distributions
from nas.samplers.ehvi.costs import Costs, Known
from nas.samplers.ehvi.encoding import Encoding, Indices, Row
from nas.samplers.ehvi.history import History
from nas.samplers.ehvi.landscape import Landscape
from nas.samplers.ehvi.models import Models, schedule
from nas.samplers.ehvi.pool import Pool
from nas.samplers.setting import Cost, SamplerSetting
from nas.space import Space

# So many trials are spread over the space before a model is asked.
INITIAL = 6
# Local search: so many of the best candidates have their neighbours looked at, so many times.
BEST, ROUNDS = 4, 2
# So many times before a first member within the limits is found.
SEARCHES = 8
# With so many running trials one more is proposed at a time: that one of them ends changes little. Each is then chosen
# among so many of the best candidates for each that is wanted.
TOGETHER, RIVALS = 8, 4
# Training to the end is worth while from this share of the hypervolume on: a hundred trials that are stopped would have
# added 1% at most, and less in fact, since many of them promise the same improvement.
WORTH = 1e-4


class EhviSampler(BaseSampler):
    """For any Optuna study of a space, with two objectives or more, of which number `dear` is modelled as dear.

    `costs` tell another objective of any architecture, by its number in the study and in its own unit, or None where
    they do not know; `limits` are the most that an objective may be, by number; `features` are further numbers that may
    go with the dear objective. A member is not proposed twice while there are others. The same seed and the same trials
    give the same proposal; without one, as with Optuna's samplers, no two are alike.
    """

    def __init__(
        self,
        space: Space,
        seed: int | None = None,
        *,
        dear: int = 0,
        costs: Mapping[int, Cost] | None = None,
        limits: Mapping[int, float] | None = None,
        features: Sequence[Cost] = (),
    ) -> None:
        self._dear = dear
        self._distributions = distributions(space)
        self._encoding = Encoding(space.choices)
        self._numbers = {*(costs or {}), *(limits or {})}
        drawn = secrets.randbits(32) if seed is None else seed
        self._pool = Pool(space, self._encoding, [*(costs or {}).values(), *features], drawn)
        self._known = Known(
            [number - (number > dear) for number in costs or ()],
            {number - (number > dear): limit for number, limit in (limits or {}).items()},
        )
        self._models = Models()
        self._histories: dict[int, History] = {}
        self._queues: dict[int, list[Row]] = {}
        self._asked_costs_at = 0
        # Matrices are small and cores are busy with trials: a second thread would wait for its turn at every product.
        self._libraries = ThreadpoolController()
        # Optuna's own `optimize` asks in several threads.
        self._asking = Lock()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        with self._asking:
            history = self._history(study)
            row = self._proposal(study, history, history.running(trial.number))
            history.propose(trial.number, row)
            return self._encoding.parameters(row)

    def _proposal(self, study: Study, history: History, running: Sequence[Row]) -> Row:
        # By a count that interruptions do not change, so that a search that goes on proposes what it would have anyway.
        drawn = self._pool.random(history.members_tried)
        left = [row for row in drawn if not history.has(row)] or drawn
        if history.complete < INITIAL:
            others = [*(each.row for each in history.observations), *running]
            allowed = self._within_limits(left, history)
            return allowed[_farthest(self._encoding.indices(allowed), self._encoding.indices(others))]
        if schedule(history.complete) != self._asked_costs_at:
            self._asked_costs_at = schedule(history.complete)
            self._pool.forget_costs()
        queue = self._queues.setdefault(study._study_id, [])
        queue[:] = [row for row in queue if not history.has(row)]
        if not queue:
            with self._libraries.limit(limits=1):
                landscape = self._landscape(history, running)
                queue += self._best(landscape, left, history, 1 + len(running) // TOGETHER)
        return queue.pop(0)

    def goes_on(self, study: Study, number: int, curve: Sequence[float], epochs: int) -> bool | None:
        """Whether a running trial is worth training on, by its training loss after each epoch up to now.

        It is while it promises at least WORTH, or as much less as epochs are left. None while too little is known.
        """
        with self._asking, self._libraries.limit(limits=1):
            history = self._history(study)
            row = self._encoding.row(study.get_trials(deepcopy=False)[number].params)
            if history.complete < INITIAL:
                return None
            promise = self._landscape(history, history.running(number)).promise(row, curve)
        return None if promise is None else promise * epochs >= WORTH * (epochs - len(curve))

    def _landscape(self, history: History, running: Sequence[Row]) -> Landscape:
        return Landscape(self._encoding, self._pool, self._costs(history), self._models, history, running)

    def _costs(self, history: History) -> Costs:
        return Costs(self._encoding, self._known, self._models, history)

    def _within_limits(self, rows: list[Row], history: History) -> list[Row]:
        """Those of them that are, as far as is known; if none is, those that are found from there.

        Where no search ends within the limits, what may be the nearest to them.
        """
        if not self._known.limits:
            return rows
        costs, hoped = self._costs(history), dict[Row, float]()
        for _ in range(1 + SEARCHES):
            known = self._pool.costs(rows)
            if (is_allowed := costs.excess(costs.of(rows, known)) == 0).any():
                return list(compress(rows, is_allowed))
            hoped.update(zip(rows, costs.excess(costs.of(rows, known, hope=1.0)).tolist(), strict=True))
            near = self._pool.near(nsmallest(BEST, hoped, key=hoped.__getitem__))
            rows = [row for row in near if row not in hoped and not history.has(row)]
            if not rows:
                break
        return nsmallest(1, hoped, key=hoped.__getitem__)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Raises ValueError: the study asks for a parameter that the space does not have."""
        raise ValueError(f"parameter {param_name!r} is not one of {', '.join(self._distributions)}")

    def _history(self, study: Study) -> History:
        """Raises ValueError where the study is not of two objectives or more, one of which is the dear one, or has none
        of a cost's or limit's number.
        """
        if not 0 <= self._dear < len(study.directions) >= 2:
            raise ValueError(
                f"EhviSampler(dear={self._dear}) needs a study of two objectives or more, of which that is one; "
                f"this one has {len(study.directions)}"
            )
        others = [number for number in range(len(study.directions)) if number != self._dear]
        if wrong := sorted(self._numbers.difference(others)):
            raise ValueError(
                f"EhviSampler: costs and limits are of objectives besides the dear one, whose numbers are "
                f"{', '.join(map(str, others))}, not {', '.join(map(str, wrong))}"
            )
        if study._study_id not in self._histories:
            self._histories[study._study_id] = History(self._encoding, study, [self._dear, *others])
        history = self._histories[study._study_id]
        history.read(study.get_trials(deepcopy=False))
        return history

    def _best(self, landscape: Landscape, left: list[Row], history: History, count: int) -> list[Row]:
        """The most promising candidate, and as many more as are wanted, each as if those before it were running."""
        gains: dict[Row, float] = {}

        def look_at(rows: Sequence[Row]) -> None:
            new = [row for row in dict.fromkeys(rows) if row not in gains and not history.has(row)]
            if new:
                gains.update(zip(new, landscape.improvement(new).tolist(), strict=True))

        look_at([*left, *self._pool.near(landscape.front)])
        for _ in range(ROUNDS):
            look_at(self._pool.near(nlargest(BEST, gains, key=gains.__getitem__)))
        rivals = nlargest(count * RIVALS, gains, key=gains.__getitem__)
        chosen = rivals[:1] or left[:1]
        while len(chosen) < min(count, len(rivals)):
            landscape = landscape.expecting(chosen[-1])
            rest = [row for row in rivals if row not in chosen]
            chosen.append(rest[int(np.argmax(landscape.improvement(rest)))])
        return chosen


def _farthest(rows: Indices, others: Indices) -> int:
    """The place of the row that differs most from the one of `others` that it is most like."""
    return int(np.argmax((rows[:, None] != others[None]).sum(2).min(1, initial=rows.shape[1])))


def ehvi(setting: SamplerSetting) -> EhviSampler:
    """The sampler for a study of ours."""
    numbers = {objective.name: number for number, objective in enumerate(setting.objectives)}
    return EhviSampler(
        setting.space,
        setting.seed,
        dear=setting.dear,
        costs={numbers[name]: cost for name, cost in setting.costs.items() if name in numbers},
        limits={numbers[name]: limit for name, limit in setting.limits.items() if name in numbers},
        features=setting.features,
    )
