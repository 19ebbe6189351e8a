"""A whole search, from the user's options to the front, as `nas search` runs it."""

import os
import signal
import time
from contextlib import closing, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import optuna

from nas import plugins
from nas.architecture import Architecture, ModelInput, total_cost
from nas.builder import Builder
from nas.errors import InfeasibleError, LimitError, OptionError
from nas.evaluation import AskTell, Evaluation, Runner, Watcher, advice_limit_s
from nas.exports.known import KNOWN
from nas.latency.measured_key import measured_key
from nas.latency.slowest import room_hint
from nas.objective import ACCURACY, LATENCY, MACS, PARAMETERS
from nas.options import check_options
from nas.results.front import front
from nas.results.ladder import LADDER_SETTING
from nas.results.settings import ComparableSettings
from nas.samplers.distinct import DistinctSampler
from nas.samplers.setting import ArchitectureMetric, SamplerSetting
from nas.space import SearchSpace
from nas.store.store import Store, StudyRecord
from nas.study.baseline import stored_baselines
from nas.study.baseline_choice import FEW, Choice, choose, named
from nas.study.baseline_training import baseline_jobs
from nas.study.confirmation import Confirmations
from nas.study.driver_lock import DriverLock, drive
from nas.study.early_stopping import rungs
from nas.study.final_test import test_members
from nas.study.identity import study_name
from nas.study.jobs import BaselinesFirst
from nas.study.ladder_choice import check_recorded, chosen_ladder, finals
from nas.study.opening import OpenStudy, experimental, open_study, optunas_errors
from nas.study.optuna_mirror import OptunaMirror
from nas.study.preparation import going_on, named_settings, prepared_as_begun, prepared_within, settings_of
from nas.study.preparation import runner_of as runner_of
from nas.study.promotion import MAX_FINALS, Promotions
from nas.study.pruning import Pruning
from nas.study.search_options import DEFAULT_CONFIRM
from nas.study.search_options import SearchOptions as SearchOptions
from nas.study.search_result import SearchResult, result_of
from nas.study.settings import Conditions, StudySettings
from nas.study.study import Study
from nas.study.time_limit import TimedSearch, TimeLimit, trials_share
from nas.study.time_plan import PLANNED_TRIALS, TimePlan
from nas.study.two_parts import TwoPartSearch
from nas.study.warm_start import WarmStart, warm_start
from nas.trial import STOPPED_BY_USER, TIME_IS_UP, TrialState, failed_confirmations
from nas.trial_cost import MemoryAware, plan_trials

if TYPE_CHECKING:
    from nas.latency.online_model import OnlineLatencyModel


# The share of the budget for members that the space declares good to start with.
MAX_STARTS_SHARE = 0.25


class Announcer(Watcher, Protocol):
    """A Watcher that also sees the study open."""

    def opened(self, study: Study, *, is_over: bool) -> None: ...


def interrupt() -> None:
    """Interrupt this process as Ctrl-C does."""
    os.kill(os.getpid(), signal.SIGINT)


def search(options: SearchOptions, announcer: Announcer) -> SearchResult:
    """Search until the budget is on record, or Ctrl-C, or somebody asks for a stop in the store.

    Raises UserError for options that cannot be served, InfeasibleError when no architecture meets the latency limit,
    SearchInterruptedError when the machinery breaks down. Whatever was finished by then is on record.
    """
    started = time.monotonic()
    check_options(options)
    options = going_on(options)
    options.check()
    options, evaluation = prepared_as_begun(options)
    plan: TimePlan | None = None
    if options.time_s is not None and options.epochs is None:
        options, evaluation, plan = prepared_within(options.time_s, options, evaluation)
    space = evaluation.space
    planned = options.max_trials or (PLANNED_TRIALS if plan is None else plan.trials)
    ladder = chosen_ladder(options, evaluation, planned)
    if options.confirm is not None and options.confirm < evaluation.least_confirm:
        raise OptionError(
            "{confirm} {} with {evaluator} {}: its scores are no accuracies, and a front needs at least {}",
            options.confirm,
            options.evaluator,
            evaluation.least_confirm,
        )
    if options.min_accuracy is not None and evaluation.least_confirm:
        raise OptionError(
            "{min_accuracy} {:g} cannot be used with {evaluator} {}, whose scores are not accuracies",
            options.min_accuracy,
            options.evaluator,
        )
    settings = settings_of(options, evaluation)
    runner = runner_of(options, evaluation.evaluator)
    with closing(Store.open(options.storage, create=True)) as store, optunas_errors(store.name):
        studies = store.studies()
        name = study_name(options, named_settings(options, evaluation), studies)
        began = next((study.settings for study in studies if study.name == name), None)
        if began is not None:
            check_recorded(options, evaluation, name, began.ladder)
            ladder = began.ladder
        if ladder is not None and evaluation.reaching is not None:
            evaluation = replace(evaluation, evaluator=evaluation.reaching(ladder.rungs))
            settings = ComparableSettings({**settings, LADDER_SETTING: ladder.as_setting()})
        repeats = 0 if ladder is not None else DEFAULT_CONFIRM if options.confirm is None else options.confirm
        options = replace(options, confirm=repeats)
        start = warm_start(options.start_from, store, space, name)
        opened = open_study(store, options.storage, name, settings, options.owner)
        record = opened.record

        limit = None
        if options.time_s is not None:
            limit = TimeLimit(options.time_s, trials_share(repeats, has_ladder=ladder is not None), started)
        ends_at = {} if limit is None else {"ends_at": time.time() + limit.left_s}

        def report() -> dict[str, Any]:
            return {**runner.report(), "budget": options.max_trials, **ends_at}

        with drive(store, record.study_id, record.name, report, stop=interrupt) as lock:
            if record.archived_at is not None:
                # It is in use again.
                store.put_archived(record.study_id, None, lambda _: True)
            study = _study(options, evaluation, store, opened, start, announcer, lock, limit)
            chosen = _baselines(options, evaluation, space, study, planned)
            images = evaluation.images or ""
            jobs = baseline_jobs(chosen.names, study.settings, images, repeats, study.rungs, store, announcer.noted)
            max_finals = MAX_FINALS if limit is not None else finals(planned, is_timed=False)
            further = Confirmations(study, repeats) if ladder is None else Promotions(study, ladder, max_finals)
            work: AskTell = BaselinesFirst(jobs, TwoPartSearch(study, further))
            if limit is not None:
                work = TimedSearch(work, limit)
            announcer.opened(study, is_over=work.is_over)
            if not work.is_over:
                record_conditions(options, space, store, record, announcer)
            if plan is not None and not work.is_over:
                announcer.noted("time", {"message": plan.message})
            for note in chosen.notes() if not work.is_over else ():
                announcer.noted("baselines left out", note)
            is_new = not study.trials
            study.recover("driver killed")
            study.enqueue(start.architectures)
            if not study.trials:
                # Where time has room for few trials they are better than what a sampler would draw first.
                study.enqueue(_starts(space, planned if limit is None else max(planned, PLANNED_TRIALS)))
            if study.max_latency_ms is not None and not study.trials:
                # They are likely the fastest, and tell whether the limit can be met.
                study.enqueue(space.smallest_of_each_mixer())
            interrupted = False
            try:
                if is_new and not work.is_over:
                    _advise(options, evaluation, announcer)
                if not work.is_over:
                    _announce_costs(options, evaluation, runner, study, store, announcer, planned)
                    with runner, limit.watched(interrupt) if limit is not None else nullcontext():
                        runner.run(work, evaluation.evaluator.prepared(store, runner.run, announcer.noted))
            except KeyboardInterrupt:
                is_time_up = limit is not None and limit.is_up
                study.recover(TIME_IS_UP if is_time_up else STOPPED_BY_USER)
                interrupted = not work.is_over and not is_time_up
            except BaseException:
                study.recover("search broke down")
                raise
            if not interrupted:
                _check_outcome(study)
                if evaluation.test is not None:
                    test_members(study, front(study.results), evaluation.test, announcer.noted)
            rank_checks = store.rank_checks(record.study_id)
            known = stored_baselines(store, record.settings) if named(options.baselines) else []
            return result_of(options, study, rank_checks, known, time.monotonic() - started, interrupted=interrupted)


def record_conditions(
    options: SearchOptions, space: SearchSpace, store: Store, record: StudyRecord, watcher: Watcher
) -> None:
    """Record the conditions of the trials from now on; announce what differs from those before."""
    settings, conditions = StudySettings.from_record(record), Conditions.of_search(options)
    if options.recorded_space is not None:
        message = (
            f"{options.space} is not here, or another one by now; the study goes on in its space as it is on record"
        )
        watcher.noted("space", {"message": message})
    if settings.sessions and (changes := conditions.changes_since(settings.sessions[-1].conditions)):
        watcher.noted("changed", {"message": f"since the trials before: {'; '.join(changes)}"})
    now = settings.with_session(space, conditions, time.time())
    if now != settings:
        store.put_recorded(record.study_id, now.recorded)


def _starts(space: SearchSpace, budget: int) -> list[Architecture]:
    """Members that the space declares good to start with, in a share of the budget."""
    members = [start for start in space.starts if space.allows(start)]
    return members[: int(budget * MAX_STARTS_SHARE)]


def _advise(options: SearchOptions, evaluation: Evaluation, watcher: Watcher) -> None:
    """Warn of problems that a quick look at the data shows."""
    for message in evaluation.advice(advice_limit_s(options.time_s)) if evaluation.advice is not None else ():
        watcher.noted("warning", {"message": message})


def _announce_costs(
    options: SearchOptions,
    evaluation: Evaluation,
    runner: Runner,
    study: Study,
    store: Store,
    watcher: Watcher,
    planned_trials: int,
) -> None:
    """Fit the runner to the memory of trials; announce their cost, and whether the limit allows larger networks."""
    trials = study.remaining if study.time_limit is None else planned_trials
    if evaluation.trial_costs is not None and isinstance(runner, MemoryAware) and trials > 0:
        costs = plan_trials(evaluation.trial_costs, runner, trials)
        if costs is not None:
            watcher.noted("cost", costs.as_json())
            for warning in costs.warnings:
                watcher.noted("warning", {"message": warning})
    if hint := room_hint(evaluation.space, study.settings, store, options.ray_address):
        watcher.noted("size", {"message": hint})


def _study(
    options: SearchOptions,
    evaluation: Evaluation,
    store: Store,
    opened: OpenStudy,
    start: WarmStart,
    watcher: Watcher,
    lock: DriverLock,
    time_limit: TimeLimit | None,
) -> Study:
    """Make the study and its sampler, which receives the costs and features that need no training."""
    space, optuna_study, settings = evaluation.space, opened.optuna_study, opened.record.settings
    builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    latency_input = settings.latency_input
    online_model = _online_model(store, settings, builder, latency_input)
    limits = settings.limits
    by_objective = {LATENCY.name: limits.max_latency_ms, ACCURACY.name: limits.min_accuracy}
    costs: dict[str, ArchitectureMetric] = {
        LATENCY.name: online_model.expected_ms,
        PARAMETERS.name: lambda member: total_cost(builder, member, latency_input).parameters,
        MACS.name: lambda member: total_cost(builder, member, latency_input).macs,
    }
    setting = SamplerSetting(
        space,
        options.seed,
        settings.objectives,
        costs=costs,
        limits={name: limit for name, limit in by_objective.items() if limit is not None},
        features=[*start.priors, *(costs[name] for name in options.features if name in costs)],
        expensive_features=evaluation.features,
    )
    with experimental():
        sampler: optuna.samplers.BaseSampler = plugins.load(plugins.SAMPLERS, options.sampler)(setting)
    study = Study(
        store,
        OptunaMirror(optuna_study, space, settings),
        space,
        settings,
        options.max_trials,
        watcher,
        pruning=Pruning(optuna_study, settings, rungs(settings.epochs), sampler) if options.early_stopping else None,
        online_model=online_model,
        flat_below=options.flat_below,
        time_limit=time_limit,
        check_driver=lock.check,
    )
    optuna_study.sampler = DistinctSampler(sampler, space, lambda: study.excluded, seed=options.seed)
    return study


def _baselines(options: SearchOptions, evaluation: Evaluation, space: SearchSpace, study: Study, trials: int) -> Choice:
    """Choose the known networks to train.

    Raises UserError for a named one that cannot be built, ParameterError where the evaluator trains nothing.
    """
    names = named(options.baselines)
    if evaluation.images is not None:
        builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
        return choose(names, builder, space, study.settings, trials, _baseline_cost(options, study))
    if any(name != FEW for name in names):
        raise OptionError(
            "{baselines} {}: {evaluator} {} trains no network; valid: none", ",".join(names), options.evaluator
        )
    return Choice()


def _baseline_cost(options: SearchOptions, study: Study) -> float:
    """The price of a baseline's trainings, in trainings of a trial."""
    ladder = study.settings.ladder
    if ladder is not None:
        return ladder.target.presented / ladder.rungs[0].presented
    return 1 + (options.confirm or 0)


def _online_model(
    store: Store, settings: ComparableSettings, builder: Builder, latency_input: ModelInput
) -> "OnlineLatencyModel":
    """Fit the online model of latencies on the first target to every measurement of it on record."""
    # It imports scipy, which errors in options need not wait for.
    from nas.latency.online_model import OnlineLatencyModel

    online_model = OnlineLatencyModel(builder, latency_input)
    # The record has the newest first; the last measurement added counts.
    rows = ((row.architecture, row.measurement, row.key) for row in reversed(store.measurements(settings.fingerprint)))
    # Known networks have no stages whose costs could be added up; of an edited mixer other latencies are on record.
    online_model.add(
        [
            (network, measurement)
            for network, measurement, key in rows
            if network and network.recipe != KNOWN and key == measured_key(network)
        ]
    )
    return online_model


def _check_outcome(study: Study) -> None:
    """Raises InfeasibleError when the study is over without a single complete trial within the limits."""
    if not study.is_over:
        return
    if study.results:
        _check_accuracies(study)
        return
    if study.time_limit is not None and not study.is_hopeless and not study.has_no_candidate:
        raise OptionError("{time_s} {:g} s: no trial has ended in that time", study.time_limit.seconds)
    failed = [trial for trial in study.trials if trial.state is TrialState.FAILED]
    measured = [
        trial.outcome.latency.median
        for trial in study.trials
        if trial.state is TrialState.INFEASIBLE and trial.outcome and trial.outcome.latency
    ]
    if measured and study.max_latency_ms is not None:
        raise LimitError(
            "{max_latency_ms} {:g} ms: none of {} measured architectures meets it on target {!r}, the smallest ones "
            "included; the fastest takes {:.3g} ms",
            study.max_latency_ms,
            len(measured),
            study.settings.target,
            min(measured),
        )
    if study.has_no_candidate and study.max_latency_ms is not None and not failed:
        raise LimitError(
            "{max_latency_ms} {:g} ms: by the latencies recorded on target {!r} every member of the space is slower",
            study.max_latency_ms,
            study.settings.target,
        )
    if untrained := failed_confirmations(study.trials):
        raise InfeasibleError(f"no member of the front could be trained; the last one failed with {untrained[-1]}")
    reason = failed[-1].outcome.failure if failed and failed[-1].outcome else None
    raise InfeasibleError(f"all {len(failed)} trials failed" + (f", the last one with {reason}" if reason else ""))


def _check_accuracies(study: Study) -> None:
    """Raises LimitError when no complete trial of the study reaches the least accuracy."""
    min_accuracy = study.settings.limits.min_accuracy
    fast = [result for result in study.results if not result.is_over_limit]
    if min_accuracy is None or not fast or any(result.is_within_limits for result in fast):
        return
    best = max(fast, key=lambda result: result.accuracy)
    raise LimitError(
        "{min_accuracy} {:g}: none of {} complete trials reaches it; the most accurate one, trial {}, has {} {:.4f}",
        min_accuracy,
        len(fast),
        best.trial.number,
        study.settings.metric_label,
        best.accuracy,
    )
