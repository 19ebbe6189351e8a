"""What an export starts from besides a study: a config file, a folder of config and weights, a published name."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from nas import plugins
from nas.architecture import ModelInput
from nas.baselines.known import FORMS, TIMM, is_known, known_network
from nas.builder import Builder
from nas.errors import ParameterError
from nas.export.config import CONFIG_FILE, RETRAINED, ExportedConfig, load_config
from nas.export.published import PublishedModel, published_models

WEIGHTS_FILE = "weights.safetensors"
# Under this name the provenance has a known network's name.
BASELINE = "baseline"
# What known networks are exported for, unless another input is asked for: CIFAR-10's pictures, timm's ImageNet's.
SMALL_INPUT = ModelInput(channels=3, height_px=32, width_px=32, classes=10)
TIMM_INPUT = ModelInput(channels=3, height_px=224, width_px=224, classes=1000)


class Source(NamedTuple):
    """A config, and the file of its trained weights where there is one."""

    config: ExportedConfig
    weights: Path | None


def source_of(name: str) -> Source:
    """The config of a published model, of a file, of a folder that also holds weights, or of a known network.

    Raises ParameterError when it is none of them, or not readable.
    """
    models = published_models()
    if name in models:
        return Source(published_config(models[name]), None)
    path = Path(name)
    if not path.exists():
        if is_known(name):
            return Source(known_config(name), None)
        raise ParameterError(
            f"{name!r} is no config file, no folder of one, no published model (`nas models`) and no known network "
            f"({', '.join((*plugins.names(plugins.BASELINES), *FORMS))})"
        )
    config = load_config(path / CONFIG_FILE if path.is_dir() else path)
    builder: Builder = plugins.load(plugins.BUILDERS, config.builder)
    config = replace(config, architecture=builder.canonical(config.architecture))
    weights = path / WEIGHTS_FILE
    if weights.is_file():
        return Source(config, weights)
    if path.is_dir() and RETRAINED in config.provenance:
        raise ParameterError(f"folder {name!r} was written by nas retrain and its {WEIGHTS_FILE} is missing")
    return Source(config.untrained(), None)


def known_config(name: str) -> ExportedConfig:
    """A known network's config. Raises UnknownNameError for a name of none."""
    return ExportedConfig(
        architecture=known_network(name),
        model_input=TIMM_INPUT if name.startswith(f"{TIMM}:") else SMALL_INPUT,
        builder=plugins.BUILDER,
        provenance={BASELINE: name},
    )


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
