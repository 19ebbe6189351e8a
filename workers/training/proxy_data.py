"""The data of a search's proxies, by the user's options: opened, decoded, split, with the recipe that suits it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nas.architecture import sides_of, size_of
from nas.errors import OptionError, ParameterError
from nas.evaluation import EvaluationOptions
from nas.exports.pictures import Rules
from nas.exports.training import TrainingRecipe
from nas.latency.byte_size import bytes_text
from nas.options import PLAIN_ACCURACY
from workers.data.blank import blank_warnings
from workers.data.chosen import chosen_dataset, served_rules
from workers.data.content import content_settings
from workers.data.dataset import ProxyData, split
from workers.data.image_memory import BoundedSource, bound_bytes
from workers.data.settings import data_settings, picture_settings
from workers.memory import is_out_of_memory
from workers.training.proxy_recipe import recipe_of


class PreparedData(NamedTuple):
    """Images and labels, the recipe of trainings on them, the settings that name them, and events for the user.

    `rules` are those by which pictures became images.
    """

    data: ProxyData
    recipe: TrainingRecipe
    settings: Mapping[str, Any]
    notes: Sequence[tuple[str, Mapping[str, Any]]]
    rules: Rules


def proxy_data(options: EvaluationOptions, keep: int = 0) -> PreparedData:
    """Load the data of all trials, and further training images up to `keep` (workers.data.dataset.split).

    Raises UserError (ParameterError, DataError, UnknownNameError) for what cannot be loaded, or not in this form.
    """
    name, default, source = chosen_dataset(options)
    dataset = default.augmented(options.flip, options.shift)
    train_size = options.train_size or dataset.train_size
    size_px = size_of(*sides_of(options.input_size_px or dataset.default_px(source)))
    metric = options.metric or PLAIN_ACCURACY
    kept: dict[str, Any] = {"seed": options.seed, "stratify": options.stratify, "metric": metric, "keep": keep}
    if options.data_memory is not None and options.ray_address is not None:
        raise OptionError(
            "{data_memory} {}: on a Ray cluster `ray start --object-store-memory` bounds what each node keeps",
            bytes_text(options.data_memory),
        )

    def splitting(folds: int = 1) -> tuple[ProxyData, str | None]:
        # Other nodes of a cluster see no file of this one, and have the images in Ray's object store.
        if options.ray_address is not None:
            return split(dataset, source, size_px=size_px, train_size=train_size, folds=folds, **kept), None
        bounded = BoundedSource(source, bound_bytes(options.data_memory))
        return split(dataset, bounded, size_px=size_px, train_size=train_size, folds=folds, **kept), bounded.note

    try:
        data, note = splitting()
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise ParameterError(
            f"--input-size {size_px}: {train_size} images of that size do not fit in memory"
        ) from error
    recipe = recipe_of(options, dataset, data)
    if recipe.folds > 1:
        data, note = splitting(recipe.folds)
    rules = served_rules(options, dataset, source, data.model_input.channels)
    shown = picture_settings(dataset, rules)
    warnings = blank_warnings(data.train_images, data.train_labels, source.classes)
    chosen = data_settings(default, dataset, metric, is_stratified=data.is_stratified)
    settings = {"dataset": name, **shown, **chosen, **content_settings(source)}
    census = dataset.census_of(source)
    notes = [
        ("data", census.as_json()),
        *(("data", {"message": text}) for text in (*census.notes, note) if text is not None),
        *(("warning", {"message": text}) for text in warnings),
    ]
    return PreparedData(data, recipe, settings, notes, rules)
