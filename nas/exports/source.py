"""Sources of an export besides a study: a config file, a folder with config and weights, a model's name."""

from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from nas import plugins
from nas.architecture import ModelInput
from nas.builder import Builder
from nas.errors import ParameterError
from nas.exports.config import CONFIG_FILE, RETRAINED, TRAINED, ExportedConfig, load_config
from nas.exports.known import FORMS, TIMM, is_known, known_network
from nas.exports.published import PublishedModel, published_models

WEIGHTS_FILE = "weights.safetensors"
# Key in the provenance for the name of a known network.
BASELINE = "baseline"
# Inputs of known networks by default: CIFAR-10's images for ours, ImageNet's for those of timm.
SMALL_INPUT = ModelInput(channels=3, height_px=32, width_px=32, classes=10)
TIMM_INPUT = ModelInput(channels=3, height_px=224, width_px=224, classes=1000)


class Source(NamedTuple):
    """A config with the file of its trained weights, if there is one."""

    config: ExportedConfig
    weights: Path | None = None

    def export(
        self,
        path: str | PathLike[str],
        format: str = "yaml",  # noqa: A002
        *,
        raw_input: bool = False,
        free_size: bool = False,
    ) -> str:
        """Write the network in a format of `nas export`, and return a message about what was written.

        With `raw_input` an ONNX file takes normalised images, as the torch network does, and not pictures. With
        `free_size` it takes images of any height and width.
        Raises UnknownNameError for an unknown format, ExportError for a network that the format cannot represent.
        """
        plugins.check(plugins.EXPORTERS, format)
        config = replace(self.config, raw_input=raw_input, free_size=free_size)
        message: str = plugins.load(plugins.EXPORTERS, format)(config, self.weights, Path(path))
        return message


def source_of(name: str) -> Source:
    """Load a source by name: a published model, a config file, a folder of config and weights, or a known network.

    Raises ParameterError if the name is none of them, or unreadable.
    """
    models = published_models()
    if name in models:
        return Source(published_config(models[name]), None)
    path = Path(name)
    if not path.exists():
        if is_known(name):
            return Source(known_config(name), None)
        raise ParameterError(
            f"{name!r} is no config file, exported folder, published model (`nas models`) or known network "
            f"({', '.join((*plugins.names(plugins.BASELINES), *FORMS))})"
        )
    config = load_config(path / CONFIG_FILE if path.is_dir() else path)
    builder: Builder = plugins.load(plugins.BUILDERS, config.builder)
    config = replace(config, architecture=builder.canonical(config.architecture))
    weights = path / WEIGHTS_FILE
    if weights.is_file():
        return Source(config, weights)
    if path.is_dir() and not config.provenance.keys().isdisjoint((RETRAINED, TRAINED)):
        raise ParameterError(f"folder {name!r} holds a trained network and its {WEIGHTS_FILE} is missing")
    return Source(config.untrained(), None)


def known_config(name: str) -> ExportedConfig:
    """Build a known network's config. Raises UnknownNameError if there is none of that name."""
    return ExportedConfig(
        architecture=known_network(name),
        model_input=TIMM_INPUT if name.startswith(f"{TIMM}:") else SMALL_INPUT,
        builder=plugins.BUILDER,
        provenance={BASELINE: name},
    )


def published_config(model: PublishedModel) -> ExportedConfig:
    """Build a published model's config, with the literature's figures as provenance."""
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
