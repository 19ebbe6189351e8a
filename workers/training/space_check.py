"""The check of a space at the start of a search, for what would fail each of its trials."""

from collections.abc import Iterable

import torch

from nas import plugins
from nas.architecture import ModelInput, Stage
from nas.builder import Builder
from nas.space import SearchSpace


def check_space(builder: Builder, space: SearchSpace, inputs: Iterable[ModelInput]) -> None:
    """Raise UserError when images are too small for the space, or another package's mixer cannot be used."""
    for stage in space.stages:
        for name, options in stage.mixer_choices:
            if plugins.is_third_party(plugins.MIXERS, name):
                builder.checked_mixer(Stage(name, 1, max(stage.widths), options=options), space.recipe)
    with torch.device("meta"):
        for model_input in inputs:
            builder.build(next(iter(space)), model_input)
