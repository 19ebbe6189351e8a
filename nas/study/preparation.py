"""A search before its study opens: the options of a study that goes on, the evaluator with its space, the runner."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

from nas import plugins
from nas.evaluation import Evaluation, EvaluationOptions, Evaluator, Runner
from nas.export.training import TrainingRecipe
from nas.latency.slowest import size_for
from nas.space import SearchSpace
from nas.space.loading import load_space
from nas.space.size import AUTO, DECLARED, sized, split_size
from nas.store.store import Store
from nas.study.opening import recorded_settings, space_of
from nas.study.search_options import SearchOptions


def going_on(options: SearchOptions) -> SearchOptions:
    """The options, with the recorded space, training recipe and fidelity of the study that they name, where it is
    there; what the user asks for stands, and is refused where it differs.
    """
    settings = recorded_settings(options.storage, options.study)
    if settings is None:
        return options
    return replace(
        options,
        space=space_of(settings, options.sized_space),
        size=None,
        training_recipe=TrainingRecipe.from_settings(settings).to_dict(),
        epochs=options.epochs or settings.get("epochs"),
        train_size=options.train_size or settings.get("train_size"),
        input_size_px=options.input_size_px or settings["input"]["height_px"],
    )


def prepared(options: SearchOptions) -> Evaluation:
    """The evaluator with what it is to search; `SPACE@auto` is measured to find its size out."""
    prepare: Callable[[EvaluationOptions, SearchSpace], Evaluation] = plugins.load(
        plugins.EVALUATORS, options.evaluator
    )
    name, size = split_size(options.sized_space)
    if size != AUTO:
        return prepare(options.evaluation, load_space(options.sized_space))
    declared = load_space(name)
    evaluation = prepare(options.evaluation, declared)
    with closing(Store.open(options.storage, create=True)) as store:
        size = size_for(declared, evaluation.settings, store, options.ray_address)
    return evaluation if size == DECLARED else prepare(options.evaluation, sized(declared, size))


def runner_of(options: SearchOptions, evaluator: Evaluator) -> Runner:
    """What runs the evaluator's jobs."""
    runner: Runner = plugins.load(plugins.RUNNERS, options.runner)(options.cluster_share, evaluator.device)
    return runner
