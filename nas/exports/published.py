"""Published models as data, registered as tuples by entry points of group `nas.models`."""

from dataclasses import dataclass

from nas import plugins
from nas.architecture import Architecture, ModelInput
from nas.errors import UnknownNameError


@dataclass(frozen=True)
class PublishedModel:
    """A network from the literature with its reported figures.

    `parameters` counts the learned ones, `frozen` the others; `gmacs` are 10^9 multiply-accumulates for one image;
    `top1` is the ImageNet-1K accuracy in percent.
    """

    name: str
    architecture: Architecture
    model_input: ModelInput
    parameters: int
    frozen: int
    gmacs: float
    top1: float


def published_models() -> dict[str, PublishedModel]:
    """Return every published model by name, in the order of the literature."""
    return {
        model.name: model for group in plugins.names(plugins.MODELS) for model in plugins.load(plugins.MODELS, group)
    }


def published_model(name: str) -> PublishedModel:
    """Return the published model of that name. Raises UnknownNameError if there is none."""
    models = published_models()
    if name not in models:
        raise UnknownNameError("model", name, models)
    return models[name]
