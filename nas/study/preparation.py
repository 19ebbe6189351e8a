"""A search before its study opens: the options of a study that goes on, the evaluator with its space, the runner."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

from nas import plugins
from nas.evaluation import Evaluation, EvaluationOptions, Evaluator, Runner, with_recorded_data
from nas.exports.pictures import colour_of
from nas.exports.training import TrainingRecipe
from nas.latency.measured_key import mixer_sources
from nas.latency.slowest import size_for
from nas.options import AUTO_COLOUR
from nas.results.limits import MIN_ACCURACY_SETTING
from nas.results.settings import MIXER_SOURCES, ComparableSettings
from nas.space import SearchSpace
from nas.space.loading import is_file, load_space
from nas.space.size import AUTO, DECLARED, sized, split_size
from nas.store.data_content import DATA_CONTENT
from nas.store.store import Store
from nas.study.identity import default_name, label_of, study_name
from nas.study.ladder_choice import has_ladder
from nas.study.opening import is_missing, recorded_studies, space_of
from nas.study.search_options import AUTO_TARGET, SearchOptions
from nas.study.settings import StudySettings
from nas.study.time_limit import LADDER_TRIALS_SHARE, TRIALS_SHARE
from nas.study.time_plan import TimePlan, plan_within


def going_on(options: SearchOptions) -> SearchOptions:
    """Fill in the space, recipe, fidelity and data settings of the study that the options name, if it is on record.

    The user's own values stand, and are refused later where they differ from the study's. The data set has the label
    that the database knows it by.
    """
    studies = recorded_studies(options.storage)
    options = replace(options, dataset=label_of(options.dataset, studies))
    record = next((study for study in studies if study.name == options.study), None)
    if record is None:
        return options
    settings = record.settings
    recorded_input = settings.input
    if options.space_object is None:
        options = replace(
            options,
            space=space_of(settings, options.sized_space),
            size=None,
            recorded_space=_recorded_space(StudySettings.from_record(record), options.sized_space),
        )
    return replace(
        with_recorded_data(options, settings),
        training_recipe=TrainingRecipe.from_settings(settings).to_dict(),
        epochs=options.epochs or settings.epochs,
        train_size=options.train_size or settings.train_size,
        input_size_px=options.input_size_px or recorded_input.size_px,
        colour=colour_of(recorded_input.channels) if options.colour == AUTO_COLOUR else options.colour,
        resize=options.resize or settings.resize,
        background=options.background or settings.background,
        stratify=settings.is_stratified,
    )


def _recorded_space(settings: StudySettings, asked: str) -> SearchSpace | None:
    """The study's own space in the place of one that is not here, such as a file on another machine, or of one that an
    earlier version declared otherwise.
    """
    name, size = split_size(asked)
    if not is_missing(asked):
        return settings.space() if not is_file(name) and size != AUTO and _has_changed(settings, asked) else None
    recorded_name, recorded_size = split_size(settings.comparable["space"])
    is_named = is_file(name) or name == recorded_name
    return settings.space() if is_named and size in (recorded_size, AUTO) else None


def _has_changed(settings: StudySettings, asked: str) -> bool:
    """Whether the installed space, or its variant that the study was begun in, has another content by now."""
    installed = load_space(asked)
    family = {space.name: space.key for space in (installed, *(variant for _, variant in installed.variants))}
    recorded = settings.comparable
    return family.get(recorded["space"], recorded.get("space_key")) != recorded.get("space_key")


def prepared(options: SearchOptions) -> Evaluation:
    """Make the evaluator and its space; for `SPACE@auto` networks are measured to find the size."""
    prepare: Callable[[EvaluationOptions, SearchSpace], Evaluation] = plugins.load(
        plugins.EVALUATORS, options.evaluator
    )
    if space := options.space_object or options.recorded_space:
        return prepare(options.evaluation, space)
    name, size = split_size(options.sized_space)
    if size != AUTO:
        return prepare(options.evaluation, load_space(options.sized_space))
    declared = load_space(name)
    evaluation = prepare(options.evaluation, declared)
    with closing(Store.open(options.storage, create=True)) as store:
        size = size_for(declared, settings_of(options, evaluation), store, options.ray_address)
    return evaluation if size == DECLARED else prepare(options.evaluation, sized(declared, size))


def prepared_as_begun(options: SearchOptions) -> tuple[SearchOptions, Evaluation]:
    """Prepare a search; where the same command began a study of an earlier version, in that study's way.

    Earlier versions read grey pictures in three channels and never stratified a split. Only their studies have no
    record of the content of a user's pictures.
    """
    evaluation = prepared(options)
    if options.study is not None:
        return options, evaluation
    studies = recorded_studies(options.storage)
    if default_name(named_settings(options, evaluation)) in {study.name for study in studies}:
        return options, evaluation
    now = _way(evaluation.facts)
    earlier = [study.settings for study in studies if study.settings.dataset == options.dataset]
    ways = {_way(settings) for settings in earlier if DATA_CONTENT not in settings} - {now}
    for colour, is_stratified in sorted(ways):
        is_readable = DATA_CONTENT in evaluation.facts or colour == now[0]
        if options.colour not in (AUTO_COLOUR, colour) or not is_readable:
            continue
        as_begun = replace(options, colour=colour, stratify=is_stratified)
        other = prepared(as_begun)
        if default_name(named_settings(as_begun, other)) in {study.name for study in studies}:
            return as_begun, other
    return options, evaluation


def _way(settings: ComparableSettings) -> tuple[str, bool]:
    """The colour of the images of a study, and whether their split is stratified."""
    return colour_of(settings.input.channels), settings.is_stratified


def named_settings(options: SearchOptions, evaluation: Evaluation) -> ComparableSettings:
    """The settings that the study's name depends on: the time too, where it decides on the epochs, and the target
    training where the user names one.
    """
    named = dict(settings_of(options, evaluation))
    target = (options.target_epochs, options.target_train_size, options.target_training)
    if target != (None, None, AUTO_TARGET):
        named["target_training"] = list(target)
    if options.time_s is not None and options.epochs is None:
        named["time_s"] = options.time_s
    return ComparableSettings(named)


def prepared_within(
    time_s: float, options: SearchOptions, evaluation: Evaluation
) -> tuple[SearchOptions, Evaluation, TimePlan | None]:
    """Prepare again with the fidelity that suits the time, or that of the study that this command has begun before.

    `evaluation` has the default fidelity: the study's name depends on them and the time, rather than on today's choice,
    so that the same command goes on with the same study.
    """
    settings = named_settings(options, evaluation)
    name = study_name(options, settings, recorded_studies(options.storage))
    options = going_on(replace(options, study=name))
    plan = None
    if options.epochs is None:
        share = LADDER_TRIALS_SHARE if has_ladder(options, evaluation) else TRIALS_SHARE
        plan = plan_within(time_s, share, evaluation, runner_of(options, evaluation.evaluator))
        if plan is None or (plan.images is None and plan.epochs == evaluation.facts.epochs):
            return options, evaluation, plan
        options = replace(options, epochs=plan.epochs, train_size=options.train_size or plan.images)
    return options, prepared(options), plan


def settings_of(options: SearchOptions, evaluation: Evaluation) -> ComparableSettings:
    """The settings that all trials of the study share: the evaluator's facts and the user's options."""
    space = evaluation.space
    sources = mixer_sources(mixer.name for stage in space.stages for mixer in stage.mixer_choices)
    others: dict[str, Any] = {MIXER_SOURCES: sources} if sources else {}
    if options.min_accuracy is not None:
        # Without it the settings, and so the name, are as they were before there was such a limit.
        others[MIN_ACCURACY_SETTING] = options.min_accuracy
    chosen = {
        "space": space.name,
        "space_key": space.key,
        "evaluator": options.evaluator,
        "max_latency_ms": options.max_latency_ms,
        "seed": options.seed,
    }
    return ComparableSettings({**chosen, **evaluation.settings, **others})


def runner_of(options: SearchOptions, evaluator: Evaluator) -> Runner:
    """Make the runner of the evaluator's jobs."""
    runner: Runner = plugins.load(plugins.RUNNERS, options.runner)(options.cluster_share, evaluator.device)
    return runner
