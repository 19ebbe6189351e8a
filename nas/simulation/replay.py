"""Simulated searches on recorded results, with the study, samplers, early stopping and store of real ones."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from threadpoolctl import threadpool_limits

from nas import plugins
from nas.errors import ParameterError
from nas.evaluation import Watcher
from nas.objective import ACCURACY, LATENCY, Objective
from nas.results.limits import MIN_ACCURACY_SETTING
from nas.results.rank_correlation import RankCheck
from nas.results.settings import ComparableSettings
from nas.samplers.setting import SamplerSetting
from nas.simulation.choice_space import ChoiceSpace
from nas.simulation.evaluator import TARGET, TabularEvaluator, first_epoch
from nas.simulation.hypervolume import HypervolumeScale, shares_at_parts
from nas.simulation.nearest import NearestRowSampler
from nas.simulation.processes import run_in_processes
from nas.simulation.replay_options import ReplayOptions
from nas.simulation.runner import SimulatedRunner
from nas.simulation.space import TableSpace
from nas.simulation.table import Table
from nas.store.store import Store
from nas.study.confirmation import Confirmations
from nas.study.early_stopping import rungs
from nas.study.opening import experimental
from nas.study.optuna_mirror import OptunaMirror
from nas.study.pruning import Pruning
from nas.study.study import Study
from nas.study.two_parts import TwoPartSearch
from nas.trial import Trial, TrialState

# Number of last proposals whose mean duration is reported.
TIMED_PROPOSALS = 20


@dataclass(frozen=True)
class ReplayResult:
    """Result of one search. `course` has the share of the best possible hypervolume after each trial, `shares` those
    after a quarter, half and all of the budget.

    `rows` has the index of the table's row of each trial that was completed, None where a trial was stopped or is over
    the latency limit: it gives the course from any reference. `repeats` counts the sampler's proposals of rows that
    were tried before, `absent` those that match no row; for both the nearest new row was tried. `epochs` is the share
    of the trials' epochs that was trained.
    """

    course: tuple[float, ...]
    shares: tuple[float, float, float]
    rows: tuple[int | None, ...]
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


# Makes the sampler of a search.
SamplerFactory = Callable[[SamplerSetting], BaseSampler]


def replay(
    table: Table, sampler: str, seed: int, options: ReplayOptions, clock: Callable[[], float] = time.perf_counter
) -> ReplayResult:
    """Simulate one search with the sampler of that name. Raises ParameterError as `HypervolumeScale` does."""
    return replay_with(table, plugins.load(plugins.SAMPLERS, sampler), seed, options, clock)


def replay_with(
    table: Table,
    create_sampler: SamplerFactory,
    seed: int,
    options: ReplayOptions,
    clock: Callable[[], float] = time.perf_counter,
) -> ReplayResult:
    """Simulate one search with a sampler. Raises ParameterError as `HypervolumeScale` does."""
    scale = HypervolumeScale(table, options)
    space = TableSpace(table)
    # All rows have the same columns.
    epochs = max(table.rows[0].curve, default=1)
    settings = ComparableSettings(
        {
            "space": space.name,
            "dataset": TARGET,
            "target": TARGET,
            "fingerprint": {"target": TARGET},
            "objectives": list(table.objectives),
            "max_latency_ms": options.max_latency_ms,
            MIN_ACCURACY_SETTING: options.min_accuracy,
            "epochs": epochs,
            "seed": seed,
        }
    )
    objectives = settings.objectives
    setting = _sampler_setting(space, seed, objectives, options)
    with experimental():
        inner = create_sampler(setting)
    directions = [
        StudyDirection.MAXIMIZE if objective.maximise else StudyDirection.MINIMIZE for objective in objectives
    ]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with TemporaryDirectory(prefix="nas-simulate-") as scratch:
        optuna_study = optuna.create_study(directions=directions, study_name=f"{table.name}-{seed}")
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
            search = TwoPartSearch(study, Confirmations(study, repeats=0))
            runner.run(search, TabularEvaluator(space, options.max_latency_ms))
    lengths = [
        len(trial.outcome.curve) for trial in ended_trials.trials if trial.outcome is not None and trial.outcome.curve
    ]
    rows = tuple(
        space.row_index(trial.architecture) if trial.state is TrialState.COMPLETE else None
        for trial in ended_trials.trials
    )
    course = scale.course(rows)
    return ReplayResult(
        course=course,
        shares=shares_at_parts(course, options.budget),
        rows=rows,
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
    ParameterError as `HypervolumeScale` does, and if memory runs out.
    """
    jobs = [(table, name, seed, options) for name in samplers for seed in range(seeds)]
    try:
        results = iter(run_in_processes(replay, jobs, limit_threads, on_search_done))
    except (MemoryError, BrokenProcessPool) as error:
        raise ParameterError(
            f"--table {table.name!r}: not enough memory for --sampler {','.join(samplers)} on "
            f"{len(table.rows)} rows; try a smaller table"
        ) from error
    return {name: [next(results) for _ in range(seeds)] for name in samplers}


def limit_threads() -> None:
    """Limit libraries to one thread. It is defined in this module, whose import loads the libraries with threads."""
    threadpool_limits(1)


def _sampler_setting(
    space: TableSpace, seed: int, objectives: Sequence[Objective], options: ReplayOptions
) -> SamplerSetting:
    """Return what a sampler knows: rows, latencies and requested features, or the choices alone."""
    by_objective = {LATENCY.name: options.max_latency_ms, ACCURACY.name: options.min_accuracy}
    limits = {name: limit for name, limit in by_objective.items() if limit is not None}
    if options.same_knowledge:
        return SamplerSetting(ChoiceSpace(space.table), seed, objectives, limits=limits)
    features = space.table.rows[0].features if options.features else ()
    return SamplerSetting(
        space,
        seed,
        objectives,
        costs={LATENCY.name: lambda member: space.row(member).figures[LATENCY.name]},
        limits=limits,
        features=[_feature(space, name) for name in features],
    )


def _feature(space: TableSpace, name: str) -> Callable[[Any], float]:
    return lambda member: space.row(member).features[name]
