"""A whole search on recorded results: the same study, samplers, early stopping and store, in seconds."""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from threadpoolctl import threadpool_limits

from nas import plugins
from nas.errors import ParameterError
from nas.evaluation import Watcher
from nas.objective import ACCURACY, LATENCY, recorded_objectives
from nas.results.pareto import Point, dominates, hypervolume
from nas.results.rank_correlation import Audit
from nas.samplers.setting import Pruner, SamplerSetting
from nas.simulation.evaluator import TARGET, TabularEvaluator, first_epoch
from nas.simulation.nearest import NearestRowSampler
from nas.simulation.processes import all_done
from nas.simulation.runner import SimulatedRunner
from nas.simulation.space import TableSpace
from nas.simulation.table import Table
from nas.store.store import Store
from nas.study.confirmation import ConfirmedSearch
from nas.study.early_stopping import rungs
from nas.study.opening import experimental
from nas.study.study import Study
from nas.trial import Trial, TrialState

# Suggestions of so many last trials are timed.
TIMED = 20


@dataclass(frozen=True)
class ReplayOptions:
    """What is asked of every search on a table. `reference` is (error, latency_ms), None the table's worst."""

    budget: int
    workers: int = 1
    reference: tuple[float, float] | None = None
    log_latency: bool = False
    max_latency_ms: float | None = None
    early_stopping: bool = True
    features: bool = False


@dataclass(frozen=True)
class ReplayResult:
    """One search. `course` has the share of the best possible hypervolume after each trial, `shares` those after a
    quarter, half and all of the budget.

    `repeats` counts the sampler's proposals of what was on record and `absent` those of what is in no row: the nearest
    other row was taken. `epochs` is the share of all epochs that were trained of what was tried.
    """

    course: tuple[float, ...]
    shares: tuple[float, float, float]
    repeats: int
    absent: int
    suggest_ms: float
    epochs: float
    simulated_s: float


class Timed(NearestRowSampler):
    """Counts and times what its sampler proposes."""

    def __init__(self, *arguments: Any, clock: Callable[[], float], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._clock = clock
        self.seconds: list[float] = []

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        started = self._clock()
        found = super().sample_relative(study, trial, search_space)
        self.seconds.append(self._clock() - started)
        return found


class _Ends(Watcher):
    """Trials in the order in which they end."""

    def __init__(self) -> None:
        self.trials: list[Trial] = []

    def began(self, trial: Trial) -> None:
        pass

    def ended(self, trial: Trial) -> None:
        self.trials.append(trial)

    def confirmed(self, trial: Trial) -> None:
        pass

    def noted(self, event: str, fields: Mapping[str, Any]) -> None: ...

    def audited(self, found: Sequence[Audit]) -> None:
        pass


def replay(
    table: Table, sampler: str, seed: int, asked: ReplayOptions, clock: Callable[[], float] = time.perf_counter
) -> ReplayResult:
    """One search by the sampler of that name, from scratch. Raises ParameterError as `_yardstick` does."""
    yardstick = _yardstick(table, asked)
    space = TableSpace(table)
    # All rows have the same columns.
    epochs = max(table.rows[0].curve, default=1)
    settings = {
        "space": space.name,
        "dataset": TARGET,
        "target": TARGET,
        "fingerprint": {"target": TARGET},
        "objectives": list(table.objectives),
        "max_latency_ms": asked.max_latency_ms,
        "epochs": epochs,
        "seed": seed,
    }
    objectives = recorded_objectives(settings)
    setting = SamplerSetting(
        space,
        seed,
        objectives,
        costs={LATENCY.name: lambda member: space.row(member).figures[LATENCY.name]},
        limits={} if asked.max_latency_ms is None else {LATENCY.name: asked.max_latency_ms},
        features=[_feature(space, name) for name in table.rows[0].features] if asked.features else (),
    )
    with experimental():
        inner: BaseSampler = plugins.load(plugins.SAMPLERS, sampler)(setting)
    directions = [StudyDirection.MAXIMIZE if each.maximise else StudyDirection.MINIMIZE for each in objectives]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with TemporaryDirectory(prefix="nas-simulate-") as scratch:
        optuna_study = optuna.create_study(directions=directions, study_name=f"{table.name}-{sampler}-{seed}")
        with Store.open(f"sqlite:///{Path(scratch) / 'nas.db'}", create=True) as store:
            store.add_study(optuna_study._study_id, settings, 0.0)
            ends, runner = _Ends(), SimulatedRunner(asked.workers)
            judged = [epoch for epoch in rungs(epochs) if epoch >= first_epoch(table.rows[0])]
            study = Study(
                store,
                optuna_study._study_id,
                optuna_study,
                space,
                settings,
                asked.budget,
                ends,
                rungs=judged if asked.early_stopping else (),
                pruner=inner if isinstance(inner, Pruner) else None,
            )
            timed = Timed(inner, space, lambda: study.taken, seed=seed, clock=clock)
            optuna_study.sampler = timed
            if asked.max_latency_ms is not None:
                # As a search begins that has a limit.
                study.enqueue(space.smallest_of_each_mixer())
            runner.run(ConfirmedSearch(study, repeats=0), TabularEvaluator(space, asked.max_latency_ms))
    lengths = [len(trial.outcome.curve) for trial in ends.trials if trial.outcome is not None and trial.outcome.curve]
    course = _course(yardstick, ends.trials, asked)
    quarter, half, whole = (
        course[min(len(course), math.ceil(asked.budget * part)) - 1] if course else 0.0 for part in (0.25, 0.5, 1.0)
    )
    return ReplayResult(
        course=course,
        shares=(quarter, half, whole),
        repeats=timed.repeats,
        absent=timed.absent,
        suggest_ms=1000.0 * statistics.fmean(timed.seconds[-TIMED:]),
        epochs=sum(lengths) / (epochs * len(lengths)) if lengths else 0.0,
        simulated_s=runner.now_s,
    )


def replay_samplers(
    table: Table, samplers: Sequence[str], seeds: int, asked: ReplayOptions, ended: Callable[[], None] = lambda: None
) -> dict[str, list[ReplayResult]]:
    """By each sampler's name its searches with the seeds from 0 on; `ended` is called after each of them.

    A process for each core, with one thread. Raises ParameterError as `_yardstick` does, and when memory runs out.
    """
    jobs = [(table, name, seed, asked) for name in samplers for seed in range(seeds)]
    try:
        found = iter(all_done(replay, jobs, _one_thread, ended))
    except (MemoryError, BrokenProcessPool) as error:
        raise ParameterError(
            f"--table {table.name!r}: memory does not hold what --sampler {','.join(samplers)} makes of "
            f"{len(table.rows)} rows; try fewer"
        ) from error
    return {name: [next(found) for _ in range(seeds)] for name in samplers}


def _one_thread() -> None:
    """Here rather than in the processes' module: the libraries that have threads are loaded with this one."""
    threadpool_limits(1)


def can_win(table: Table, asked: ReplayOptions) -> bool:
    """Whether any row is worth more than the reference point: where none is, every share is 1.

    Raises ParameterError as `_yardstick` does.
    """
    return _yardstick(table, asked).best > 0


class _Yardstick(NamedTuple):
    """What a search on a table is measured by: the best possible hypervolume, from a reference point."""

    names: Sequence[str]
    reference: Point
    best: float


def _yardstick(table: Table, asked: ReplayOptions) -> _Yardstick:
    """Raises ParameterError where nothing in the table is better than the reference point that was asked for.

    From its own worst a table may have nothing to be won either: of few rows, or of rows that are all as good.
    """
    names = sorted(table.objectives, key=lambda name: name != ACCURACY.name)
    allowed = [
        row.figures
        for row in table.rows
        if asked.max_latency_ms is None or row.figures[LATENCY.name] <= asked.max_latency_ms
    ]
    possible = [_point(figures, names, asked) for figures in allowed]
    worst = tuple(max(column) for column in zip(*possible, strict=True))
    reference = worst if asked.reference is None else (*_scaled(asked.reference, asked), *worst[2:])
    best = hypervolume(possible, reference)
    if best <= 0 and asked.reference is not None:
        point = ",".join(f"{value:g}" for value in asked.reference)
        raise ParameterError(f"--reference {point}: no row of table {table.name!r} is better in every objective")
    return _Yardstick(names, reference, best)


def _course(yardstick: _Yardstick, trials: Sequence[Trial], asked: ReplayOptions) -> tuple[float, ...]:
    """The share of the best possible hypervolume after each trial that ended."""
    names, reference, best = yardstick
    front: list[Point] = []
    share = 0.0 if best > 0 else 1.0
    course = []
    for trial in trials:
        if trial.state is TrialState.COMPLETE and trial.outcome is not None:
            point = _point(trial.outcome.figures, names, asked)
            if not any(dominates(other, point) for other in front):
                front = [other for other in front if not dominates(point, other)] + [point]
                share = hypervolume(front, reference) / best if best > 0 else 1.0
        course.append(share)
    return tuple(course)


def _point(figures: Any, names: Sequence[str], asked: ReplayOptions) -> Point:
    """Error, latency and the others, to be minimised."""
    first = _scaled((1.0 - figures[ACCURACY.name], figures[LATENCY.name]), asked)
    return (*first, *(figures[name] for name in names if name not in (ACCURACY.name, LATENCY.name)))


def _scaled(point: tuple[float, float], asked: ReplayOptions) -> Point:
    error, latency_ms = point
    return error, math.log(latency_ms) if asked.log_latency else latency_ms


def _feature(space: TableSpace, name: str) -> Callable[[Any], float]:
    return lambda member: space.row(member).features[name]
