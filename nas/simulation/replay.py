"""Simulated searches on recorded results, with the study, samplers, early stopping and store of real ones."""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
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
from nas.options import MAX_LATENCY, Option
from nas.results.pareto import Point, dominates, hypervolume
from nas.results.rank_correlation import RankCheck
from nas.samplers.setting import SamplerSetting
from nas.simulation.evaluator import TARGET, TabularEvaluator, first_epoch
from nas.simulation.nearest import NearestRowSampler
from nas.simulation.processes import run_in_processes
from nas.simulation.runner import SimulatedRunner
from nas.simulation.space import TableSpace
from nas.simulation.table import Table
from nas.store.store import Store
from nas.study.confirmation import ConfirmedSearch
from nas.study.early_stopping import rungs
from nas.study.opening import experimental
from nas.study.optuna_mirror import OptunaMirror
from nas.study.pruning import Pruning
from nas.study.study import Study
from nas.trial import Trial, TrialState

# Number of last proposals whose mean duration is reported.
TIMED_PROPOSALS = 20


@dataclass(frozen=True)
class ReplayOptions:
    """Options of each search on a table. `reference` is (error, latency_ms), or None for the table's worst."""

    budget: int = Option("Number of trials in each search.", metavar="N", minimum=1).default(200)
    workers: int = Option("Number of trials that run at the same time, simulated.", metavar="W", minimum=1).default(1)
    reference: tuple[float, float] | None = None
    log_latency: bool = Option("Compute the hypervolume with the logarithm of latency.").default(False)
    max_latency_ms: float | None = replace(MAX_LATENCY, help="Latency limit: slower rows are infeasible.").default(None)
    early_stopping: bool = Option("Replay every trial to the end of its learning curve.").default(True)
    features: bool = Option("Give samplers the table's training-free features.").default(False)


@dataclass(frozen=True)
class ReplayResult:
    """Result of one search. `course` has the share of the best possible hypervolume after each trial, `shares` those
    after a quarter, half and all of the budget.

    `repeats` counts the sampler's proposals of rows that were tried before, `absent` those that match no row; for both
    the nearest new row was tried. `epochs` is the share of the trials' epochs that was trained.
    """

    course: tuple[float, ...]
    shares: tuple[float, float, float]
    repeats: int
    absent: int
    suggest_ms: float
    epochs: float
    simulated_s: float


class TimedSampler(NearestRowSampler):
    """Sampler that counts and times the proposals of its inner sampler."""

    def __init__(self, *arguments: Any, clock: Callable[[], float], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._clock = clock
        self.seconds: list[float] = []

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        started = self._clock()
        proposal = super().sample_relative(study, trial, search_space)
        self.seconds.append(self._clock() - started)
        return proposal


class _EndedTrials(Watcher):
    """Watcher that collects trials in the order in which they end."""

    def __init__(self) -> None:
        self.trials: list[Trial] = []

    def began(self, trial: Trial) -> None:
        pass

    def ended(self, trial: Trial) -> None:
        self.trials.append(trial)

    def confirmed(self, trial: Trial) -> None:
        pass

    def noted(self, event: str, fields: Mapping[str, Any]) -> None: ...

    def ranks_checked(self, checks: Sequence[RankCheck]) -> None:
        pass


def replay(
    table: Table, sampler: str, seed: int, options: ReplayOptions, clock: Callable[[], float] = time.perf_counter
) -> ReplayResult:
    """Simulate one search with the sampler of that name. Raises ParameterError as `_hypervolume_scale` does."""
    scale = _hypervolume_scale(table, options)
    space = TableSpace(table)
    # All rows have the same columns.
    epochs = max(table.rows[0].curve, default=1)
    settings = {
        "space": space.name,
        "dataset": TARGET,
        "target": TARGET,
        "fingerprint": {"target": TARGET},
        "objectives": list(table.objectives),
        "max_latency_ms": options.max_latency_ms,
        "epochs": epochs,
        "seed": seed,
    }
    objectives = recorded_objectives(settings)
    setting = SamplerSetting(
        space,
        seed,
        objectives,
        costs={LATENCY.name: lambda member: space.row(member).figures[LATENCY.name]},
        limits={} if options.max_latency_ms is None else {LATENCY.name: options.max_latency_ms},
        features=[_feature(space, name) for name in table.rows[0].features] if options.features else (),
    )
    with experimental():
        inner: BaseSampler = plugins.load(plugins.SAMPLERS, sampler)(setting)
    directions = [
        StudyDirection.MAXIMIZE if objective.maximise else StudyDirection.MINIMIZE for objective in objectives
    ]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with TemporaryDirectory(prefix="nas-simulate-") as scratch:
        optuna_study = optuna.create_study(directions=directions, study_name=f"{table.name}-{sampler}-{seed}")
        with Store.open(f"sqlite:///{Path(scratch) / 'nas.db'}", create=True) as store:
            store.add_study(optuna_study._study_id, settings, 0.0)
            ended_trials, runner = _EndedTrials(), SimulatedRunner(options.workers)
            judged = [epoch for epoch in rungs(epochs) if epoch >= first_epoch(table.rows[0])]
            study = Study(
                store,
                OptunaMirror(optuna_study, space, settings),
                space,
                settings,
                options.budget,
                ended_trials,
                pruning=Pruning(optuna_study, settings, judged, inner) if options.early_stopping else None,
            )
            timed_sampler = TimedSampler(inner, space, lambda: study.excluded, seed=seed, clock=clock)
            optuna_study.sampler = timed_sampler
            if options.max_latency_ms is not None:
                # As a real search with a latency limit begins.
                study.enqueue(space.smallest_of_each_mixer())
            runner.run(ConfirmedSearch(study, repeats=0), TabularEvaluator(space, options.max_latency_ms))
    lengths = [
        len(trial.outcome.curve) for trial in ended_trials.trials if trial.outcome is not None and trial.outcome.curve
    ]
    course = _course(scale, ended_trials.trials, options)
    quarter, half, whole = (
        course[min(len(course), math.ceil(options.budget * part)) - 1] if course else 0.0 for part in (0.25, 0.5, 1.0)
    )
    return ReplayResult(
        course=course,
        shares=(quarter, half, whole),
        repeats=timed_sampler.repeats,
        absent=timed_sampler.absent,
        suggest_ms=1000.0 * statistics.fmean(timed_sampler.seconds[-TIMED_PROPOSALS:]),
        epochs=sum(lengths) / (epochs * len(lengths)) if lengths else 0.0,
        simulated_s=runner.now_s,
    )


def replay_samplers(
    table: Table,
    samplers: Sequence[str],
    seeds: int,
    options: ReplayOptions,
    on_search_done: Callable[[], None] = lambda: None,
) -> dict[str, list[ReplayResult]]:
    """Simulate searches of each sampler with the seeds from 0 on, and return their results by sampler.

    They run in a process for each core, with one thread. `on_search_done` is called after each search. Raises
    ParameterError as `_hypervolume_scale` does, and if memory runs out.
    """
    jobs = [(table, name, seed, options) for name in samplers for seed in range(seeds)]
    try:
        results = iter(run_in_processes(replay, jobs, _limit_threads, on_search_done))
    except (MemoryError, BrokenProcessPool) as error:
        raise ParameterError(
            f"--table {table.name!r}: not enough memory for --sampler {','.join(samplers)} on "
            f"{len(table.rows)} rows; try a smaller table"
        ) from error
    return {name: [next(results) for _ in range(seeds)] for name in samplers}


def _limit_threads() -> None:
    """Limit libraries to one thread. It is defined in this module, whose import loads the libraries with threads."""
    threadpool_limits(1)


def any_row_beats_reference(table: Table, options: ReplayOptions) -> bool:
    """Whether any row is better than the reference point in every objective. If none is, every share is 1.

    Raises ParameterError as `_hypervolume_scale` does.
    """
    return _hypervolume_scale(table, options).best > 0


class _HypervolumeScale(NamedTuple):
    """Scale of a search's hypervolume on a table: objectives, reference point and best possible hypervolume."""

    objectives: Sequence[str]
    reference: Point
    best: float


def _hypervolume_scale(table: Table, options: ReplayOptions) -> _HypervolumeScale:
    """Compute the scale of a table. Raises ParameterError if no row is better than a requested reference point.

    With the table's worst as reference the best hypervolume may be 0: if rows are few, or all equally good.
    """
    names = sorted(table.objectives, key=lambda name: name != ACCURACY.name)
    allowed = [
        row.figures
        for row in table.rows
        if options.max_latency_ms is None or row.figures[LATENCY.name] <= options.max_latency_ms
    ]
    points = [_point(figures, names, options) for figures in allowed]
    worst = tuple(max(column) for column in zip(*points, strict=True))
    reference = worst if options.reference is None else (*_scaled(options.reference, options), *worst[2:])
    best = hypervolume(points, reference)
    if best <= 0 and options.reference is not None:
        point = ",".join(f"{value:g}" for value in options.reference)
        raise ParameterError(f"--reference {point}: no row of table {table.name!r} is better in every objective")
    return _HypervolumeScale(names, reference, best)


def _course(scale: _HypervolumeScale, trials: Sequence[Trial], options: ReplayOptions) -> tuple[float, ...]:
    """Compute the share of the best possible hypervolume after each ended trial."""
    names, reference, best = scale
    front: list[Point] = []
    share = 0.0 if best > 0 else 1.0
    course = []
    for trial in trials:
        if trial.state is TrialState.COMPLETE and trial.outcome is not None:
            point = _point(trial.outcome.figures, names, options)
            if not any(dominates(other, point) for other in front):
                front = [other for other in front if not dominates(point, other)] + [point]
                share = hypervolume(front, reference) / best if best > 0 else 1.0
        course.append(share)
    return tuple(course)


def _point(figures: Any, names: Sequence[str], options: ReplayOptions) -> Point:
    """Return error, latency and the further objectives as a point, all minimised."""
    error_and_latency = _scaled((1.0 - figures[ACCURACY.name], figures[LATENCY.name]), options)
    return (*error_and_latency, *(figures[name] for name in names if name not in (ACCURACY.name, LATENCY.name)))


def _scaled(point: tuple[float, float], options: ReplayOptions) -> Point:
    error, latency_ms = point
    return error, math.log(latency_ms) if options.log_latency else latency_ms


def _feature(space: TableSpace, name: str) -> Callable[[Any], float]:
    return lambda member: space.row(member).features[name]
