"""The training part of a full training's data set: its form, the rules of its pictures, and warnings about them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from nas.architecture import ModelInput, Size, sides_of, size_of
from nas.errors import DataError
from nas.exports.config import RETRAINED, ExportedConfig
from nas.exports.pictures import Rules, colour_of
from nas.exports.training import TrainingOptions
from nas.options import AUTO_COLOUR
from nas.results.settings import BACKGROUND_SETTING, RESIZE_SETTING
from workers.data.blank import blank_warnings
from workers.data.census import Census
from workers.data.chosen import served_rules
from workers.data.content import content_settings
from workers.data.dataset import Dataset, ImageSource, Request
from workers.data.splitting import has_rare_class
from workers.retrain.loop import held_out
from workers.retrain.recorded_options import may_stratify

# Pictures that are decoded before the training, to look at them.
SAMPLE, SAMPLE_SEED = 200, 0


class TrainingPart(NamedTuple):
    """The source of the images, their form, the request and the rules of every part.

    `content` are the settings that name the pictures, `warnings` are about these.
    """

    source: ImageSource
    model_input: ModelInput
    request: Request
    rules: Rules
    content: Mapping[str, Any]
    census: Census
    warnings: Sequence[str]


def training_part(options: TrainingOptions, dataset: Dataset, argument: str, size_px: Size) -> TrainingPart:
    """Open the parts and look at some of the training pictures.

    Raises DataError for a part without pictures, OptionError for rules that the data set does not have.
    """
    resolved = replace(_as_recorded(options), data_dir=options.data_dir.resolve() if options.data_dir else None)
    request = replace(Request.of(argument, resolved), stratify=may_stratify(options))
    source = dataset.open(request, "train")
    sides = sides_of(size_px)
    chosen = np.sort(np.random.default_rng(SAMPLE_SEED).permutation(len(source.labels))[:SAMPLE])
    images_NCHW = source.images(chosen, size_of(*sides))
    channels = images_NCHW.shape[1]
    warnings = blank_warnings(images_NCHW, source.labels[chosen], source.classes)
    rules = served_rules(options, dataset, source, channels)
    is_stratified = request.stratify and _has_rare_class(source, options)
    request = replace(request.checked(dataset.census_of(source)), stratify=is_stratified)
    test = dataset.open(replace(request, rules=rules), "test")
    if not len(test.labels):
        raise DataError(f"--dataset {options.dataset!r} has no image in its test part")
    return TrainingPart(
        source,
        ModelInput(channels, *sides, len(source.classes)),
        request,
        rules,
        content_settings(source),
        dataset.census_of(source, test),
        warnings,
    )


def _as_recorded(options: TrainingOptions) -> TrainingOptions:
    """Fill in the rules of pictures as the config's network had them, on this data set or with these weights."""
    config = options.source.config
    trained = _trained(config)
    is_same = trained.get("dataset") == options.dataset
    if options.colour == AUTO_COLOUR and (is_same or options.source.weights is not None):
        options = replace(options, colour=colour_of(config.model_input.channels))
    if not is_same:
        return options
    return replace(
        options,
        resize=options.resize or trained.get(RESIZE_SETTING),
        background=options.background or trained.get(BACKGROUND_SETTING),
    )


def _trained(config: ExportedConfig) -> dict[str, Any]:
    """The settings of the config's latest training: that of `nas retrain`, else the search's."""
    provenance = config.provenance
    return dict(provenance.get(RETRAINED) or {**provenance.get("training", {}), "dataset": provenance.get("dataset")})


def _has_rare_class(source: ImageSource, options: TrainingOptions) -> bool:
    """Whether the split, or that of the test part, which has a fifth of all pictures, is one of rare classes."""
    images = len(source.labels)
    return any(has_rare_class(source.labels, count) for count in (images, held_out(images, options.validation)))
