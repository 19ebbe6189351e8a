"""What an export starts from besides a study: a config file, a folder of config and weights, a published name."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from nas import plugins
from nas.builder import Builder
from nas.errors import ParameterError
from nas.export.config import CONFIG_FILE, RETRAINED, ExportedConfig, load_config
from nas.published import PublishedModel, published_models

WEIGHTS_FILE = "weights.safetensors"


class Source(NamedTuple):
    """A config, and the file of its trained weights where there is one."""

    config: ExportedConfig
    weights: Path | None


def source_of(name: str) -> Source:
    """The config of a published model, of a file, or of a folder that also holds weights.

    Raises ParameterError when it is none of them, or not readable.
    """
    models = published_models()
    if name in models:
        return Source(published_config(models[name]), None)
    path = Path(name)
    if not path.exists():
        raise ParameterError(f"{name!r} is no config file, no folder of one and no published model (`nas models`)")
    config = load_config(path / CONFIG_FILE if path.is_dir() else path)
    builder: Builder = plugins.load(plugins.BUILDERS, config.builder)
    config = replace(config, architecture=builder.canonical(config.architecture))
    weights = path / WEIGHTS_FILE
    if weights.is_file():
        return Source(config, weights)
    if path.is_dir() and RETRAINED in config.provenance:
        raise ParameterError(f"folder {name!r} was written by nas retrain and its {WEIGHTS_FILE} is missing")
    return Source(config.untrained(), None)


def published_config(model: PublishedModel) -> ExportedConfig:
    """A published model's config, with the literature's figures as provenance."""
    return ExportedConfig(
        architecture=model.architecture,
        model_input=model.model_input,
        builder=plugins.BUILDER,
        provenance={
            "published": model.name,
            "parameters": model.parameters,
            "frozen_parameters": model.frozen,
            "gmacs": model.gmacs,
            "imagenet_top1_percent": model.top1,
        },
    )
