"""A whole search, from the user's options to the front: what `nas search` runs."""

import hashlib
import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import optuna

from nas import plugins
from nas.architecture import Architecture, ModelInput, counted
from nas.baselines.baseline import Baseline, compared, stored_baselines
from nas.baselines.choice import FEW, Choice, choose, named
from nas.baselines.known import KNOWN
from nas.builder import Builder
from nas.errors import InfeasibleError, ParameterError
from nas.evaluation import Evaluation, Runner, Watcher
from nas.latency.slowest import room_hint
from nas.objective import LATENCY, MACS, PARAMETERS, Objective, recorded_objectives
from nas.results.comparison import Comparison
from nas.results.front import Result, fallen, front, front_hypervolume
from nas.results.rank_correlation import Audit, FeatureRank, feature_ranks
from nas.samplers.distinct import DistinctSampler
from nas.samplers.setting import ArchitectureMetric, Pruner, SamplerSetting
from nas.space import SearchSpace
from nas.store.store import Store, StudyRecord
from nas.study.baseline_training import baseline_jobs
from nas.study.confirmation import ConfirmedSearch
from nas.study.driver_lock import Lease, drive
from nas.study.early_stopping import rungs
from nas.study.jobs import BaselinesFirst
from nas.study.opening import experimental, open_study, optunas_errors
from nas.study.preparation import going_on, prepared
from nas.study.preparation import runner_of as runner_of
from nas.study.search_options import SearchOptions as SearchOptions
from nas.study.study import Study
from nas.study.warm_start import WarmStart, warm_start
from nas.trial import Failure, TrialState, failed_confirmations
from nas.trial_cost import MemoryAware, plan

if TYPE_CHECKING:
    from nas.latency.online_model import OnlineLatencyModel


# Of the budget, the share that goes to members that the space declares good to start with.
MAX_STARTS_SHARE = 0.25


@dataclass(frozen=True)
class SearchResult:
    """What a search ended with. `done` counts the trials on record; `features` are there where
    some were asked for; `expected_gain` is nas.results.convergence's of the others. `baselines` are the known networks
    on record for the study, with what each comes to beside the front, and `conclusion` says it in plain words.
    """

    study: str
    objectives: tuple[Objective, ...]
    done: int
    front: list[Result]
    fallen: list[Result]
    hypervolume: float
    audits: list[Audit]
    features: list[FeatureRank]
    failed_confirmations: list[Failure]
    expected_gain: float | None
    is_flat: bool
    wall_s: float
    interrupted: bool
    baselines: list[Baseline] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    conclusion: list[str] = field(default_factory=list)


class Announcer(Watcher, Protocol):
    """A Watcher that is also told of the study as it opens."""

    def opened(self, study: Study, *, is_over: bool) -> None: ...


def interrupt() -> None:
    """As Ctrl-C does it."""
    os.kill(os.getpid(), signal.SIGINT)


def search(options: SearchOptions, announcer: Announcer) -> SearchResult:
    """Search until the budget is on record, or Ctrl-C, or somebody asks for a stop in the store.

    Raises UserError for options that cannot be served, InfeasibleError when no architecture meets the latency limit,
    SearchInterruptedError when the machinery breaks down. Whatever was finished by then is on record.
    """
    started = time.monotonic()
    options.check()
    options = going_on(options)
    evaluation = prepared(options)
    space = evaluation.space
    if options.confirm < evaluation.least_confirm:
        raise ParameterError(
            f"--confirm {options.confirm} with --evaluator {options.evaluator}: its scores are no accuracies, and a "
            f"front needs at least {evaluation.least_confirm}"
        )
    settings = {"space": space.name, "space_key": space.key, "evaluator": options.evaluator, **evaluation.settings}
    runner = runner_of(options, evaluation.evaluator)
    with closing(Store.open(options.storage, create=True)) as store, optunas_errors(store.name):
        name = options.study or _default_name(settings)
        start = warm_start(options.start_from, store, space, name)
        optuna_study, record = open_study(store, options.storage, name, settings)

        def report() -> dict[str, Any]:
            return {**runner.report(), "budget": options.budget}

        with drive(store, record.study_id, record.name, report, stop=interrupt) as lease:
            study = _study(options, space, store, record, optuna_study, start, evaluation.features, announcer, lease)
            chosen = _baselines(options, evaluation, space, study)
            images, repeats = evaluation.images or "", options.confirm
            jobs = baseline_jobs(chosen.names, study.settings, images, repeats, study.rungs, store, announcer.noted)
            work = BaselinesFirst(jobs, ConfirmedSearch(study, options.confirm))
            announcer.opened(study, is_over=work.is_over)
            for note in chosen.notes() if not work.is_over else ():
                announcer.noted("baselines left out", note)
            study.recover("driver killed")
            study.enqueue(start.architectures)
            if not study.trials:
                study.enqueue(_starts(space, options.budget))
            if study.max_latency_ms is not None and not study.trials:
                # They are likely the fastest, and tell whether the limit can be met.
                study.enqueue(space.smallest_of_each_mixer())
            interrupted = False
            try:
                if not work.is_over:
                    _announce_costs(options, space, evaluation, runner, study, store, announcer)
                    with runner:
                        runner.run(work, evaluation.evaluator.prepared(store, runner.run, announcer.noted))
            except KeyboardInterrupt:
                study.recover("stopped by the user")
                interrupted = not work.is_over
            except BaseException:
                study.recover("search broke down")
                raise
            if not interrupted:
                _check_outcome(study)
            audited = store.audits(record.study_id)
            known = stored_baselines(store, record.settings) if named(options.baselines) else []
            return _result(options, study, audited, known, time.monotonic() - started, interrupted=interrupted)


def _starts(space: SearchSpace, budget: int) -> list[Architecture]:
    """Members that the space declares good to start with, in a share of the budget."""
    members = [start for start in space.starts if space.allows(start)]
    return members[: int(budget * MAX_STARTS_SHARE)]


def _announce_costs(
    options: SearchOptions,
    space: SearchSpace,
    evaluation: Evaluation,
    runner: Runner,
    study: Study,
    store: Store,
    watcher: Watcher,
) -> None:
    """Fit the runner to the memory that trials take; tell what they cost, and whether the limit has room for more."""
    trials = min(study.budget, space.size) - study.done
    if evaluation.trial_costs is not None and isinstance(runner, MemoryAware) and trials > 0:
        costs = plan(evaluation.trial_costs, runner, trials)
        if costs is not None:
            watcher.noted("cost", costs.as_json())
            for warning in costs.warnings:
                watcher.noted("warning", {"message": warning})
    if hint := room_hint(space, study.settings, store, options.evaluation.ray_address):
        watcher.noted("size", {"message": hint})


def _study(
    options: SearchOptions,
    space: SearchSpace,
    store: Store,
    record: StudyRecord,
    optuna_study: optuna.Study,
    start: WarmStart,
    expensive_features: Sequence[ArchitectureMetric],
    watcher: Watcher,
    lease: Lease,
) -> Study:
    """The study with its sampler, which knows what can be known without training."""
    settings = record.settings
    builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    latency_input = ModelInput.from_dict(settings["latency_input"])
    online_model = _online_model(store, settings, builder, latency_input)
    limit: float | None = settings["max_latency_ms"]
    costs: dict[str, ArchitectureMetric] = {
        LATENCY.name: online_model.expected_ms,
        PARAMETERS.name: lambda member: counted(builder, member, latency_input).parameters,
        MACS.name: lambda member: counted(builder, member, latency_input).macs,
    }
    setting = SamplerSetting(
        space,
        options.evaluation.seed,
        recorded_objectives(settings),
        costs=costs,
        limits={} if limit is None else {LATENCY.name: limit},
        features=[*start.priors, *(costs[name] for name in options.evaluation.features if name in costs)],
        expensive_features=expensive_features,
    )
    with experimental():
        sampler: optuna.samplers.BaseSampler = plugins.load(plugins.SAMPLERS, options.sampler)(setting)
    study = Study(
        store,
        record.study_id,
        optuna_study,
        space,
        settings,
        options.budget,
        watcher,
        online_model,
        rungs=rungs(settings["epochs"]) if options.early_stopping else (),
        pruner=sampler if isinstance(sampler, Pruner) else None,
        flat_below=options.flat_below,
        check_lease=lease.check,
    )
    optuna_study.sampler = DistinctSampler(sampler, space, lambda: study.taken, seed=options.evaluation.seed)
    return study


def _baselines(options: SearchOptions, evaluation: Evaluation, space: SearchSpace, study: Study) -> Choice:
    """The known networks to train.

    Raises UserError for a named one that cannot be built, ParameterError where the evaluator trains nothing.
    """
    names = named(options.baselines)
    if evaluation.images is not None:
        builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
        return choose(names, builder, space, study.settings, options.budget, 1 + options.confirm)
    if any(name != FEW for name in names):
        raise ParameterError(
            f"--baselines {','.join(names)}: --evaluator {options.evaluator} trains no network; valid: none"
        )
    return Choice()


def _result(
    options: SearchOptions,
    study: Study,
    audits: list[Audit],
    baselines: list[Baseline],
    wall_s: float,
    *,
    interrupted: bool,
) -> SearchResult:
    found = study.results
    members = front(found)
    comparisons, conclusion = compared(baselines, [member.losses for member in members], study.settings)
    return SearchResult(
        study=study.name,
        objectives=recorded_objectives(study.settings),
        done=study.done,
        front=members,
        fallen=fallen(found),
        hypervolume=front_hypervolume(found, study.settings),
        audits=audits,
        features=feature_ranks(study.trials) if options.evaluation.features else [],
        failed_confirmations=failed_confirmations(study.trials),
        expected_gain=study.expected_gain,
        is_flat=study.is_flat,
        wall_s=wall_s,
        interrupted=interrupted,
        baselines=baselines,
        comparisons=comparisons,
        conclusion=conclusion,
    )


def _online_model(
    store: Store, settings: Mapping[str, Any], builder: Builder, latency_input: ModelInput
) -> "OnlineLatencyModel":
    """Of latencies on the first target, from all that the database knows of it."""
    # With it comes scipy, which options that cannot be served would wait for.
    from nas.latency.online_model import OnlineLatencyModel

    online_model = OnlineLatencyModel(builder, latency_input)
    # The newest first on record; what is added last counts.
    measured = reversed(store.measurements(settings["fingerprint"]))
    known = ((each.architecture, each.measurement) for each in measured)
    # Known networks are of no stages that costs could be added up of.
    online_model.add([(each, taken) for each, taken in known if each is not None and each.recipe != KNOWN])
    return online_model


def _default_name(settings: Mapping[str, Any]) -> str:
    """The same settings give the same name, so that the same command goes on with the same study."""
    digest = hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=3).hexdigest()
    return f"{settings['space']}-{str(settings['dataset']).partition(':')[0]}-{digest}"


def _check_outcome(study: Study) -> None:
    """Raises InfeasibleError when the study is over without a single complete trial."""
    if study.results or not study.is_over:
        return
    failed = [trial for trial in study.trials if trial.state is TrialState.FAILED]
    measured = [
        trial.outcome.latency.median
        for trial in study.trials
        if trial.state is TrialState.INFEASIBLE and trial.outcome and trial.outcome.latency
    ]
    if measured and study.max_latency_ms is not None:
        raise InfeasibleError(
            f"--max-latency {study.max_latency_ms:g} ms: none of {len(measured)} measured architectures meets it "
            f"on target {study.settings['target']!r}, the smallest ones included; "
            f"the fastest takes {min(measured):.3g} ms"
        )
    if untrained := failed_confirmations(study.trials):
        raise InfeasibleError(f"no member could be trained by itself; the last one failed with {untrained[-1]}")
    reason = failed[-1].outcome.failure if failed and failed[-1].outcome else None
    raise InfeasibleError(f"all {len(failed)} trials failed" + (f", the last one with {reason}" if reason else ""))
