"""Published models as data: entry points of group `nas.models` name tuples of them."""

from dataclasses import dataclass

from nas import plugins
from nas.architecture import Architecture, ModelInput
from nas.errors import UnknownNameError


@dataclass(frozen=True)
class PublishedModel:
    """A network from the literature and the figures reported of it.

    `parameters` are learned ones, `frozen` not; `gmacs` 10^9 multiply-accumulates of one image; `top1` ImageNet-1K
    accuracy in percent.
    """

    name: str
    architecture: Architecture
    model_input: ModelInput
    parameters: int
    frozen: int
    gmacs: float
    top1: float


def published_models() -> dict[str, PublishedModel]:
    """Every published model by name, in the order of the literature."""
    return {
        model.name: model for group in plugins.names(plugins.MODELS) for model in plugins.load(plugins.MODELS, group)
    }


def published_model(name: str) -> PublishedModel:
    """Raises UnknownNameError."""
    models = published_models()
    if name not in models:
        raise UnknownNameError("model", name, models)
    return models[name]
