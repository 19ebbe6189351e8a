"""Neural architecture search over hybrid token-mixer layouts: the core, free of torch and ray at import."""

from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from nas.api import Callback as Callback
    from nas.api import export as export
    from nas.api import load_study as load_study
    from nas.api import search as search
    from nas.architecture import Architecture as Architecture
    from nas.errors import NasError as NasError
    from nas.errors import UserError as UserError
    from nas.evaluation import RunningTrial as RunningTrial
    from nas.evaluation import TrialStopped as TrialStopped
    from nas.samplers.ehvi.sampler import EhviSampler as EhviSampler
    from nas.service.client import Client as Client
    from nas.space import SearchSpace as SearchSpace
    from nas.space.loading import load_space as load_space
    from nas.study.stored_study import StoredStudy as StoredStudy

    __version__: str

# Imported on first use: each needs libraries that most programs do without.
_HOMES = {
    "Architecture": "nas.architecture",
    "Callback": "nas.api",
    "Client": "nas.service.client",
    "EhviSampler": "nas.samplers.ehvi.sampler",
    "NasError": "nas.errors",
    "RunningTrial": "nas.evaluation",
    "SearchSpace": "nas.space",
    "StoredStudy": "nas.study.stored_study",
    "TrialStopped": "nas.evaluation",
    "UserError": "nas.errors",
    "export": "nas.api",
    "load_space": "nas.space.loading",
    "load_study": "nas.api",
    "search": "nas.api",
}

__all__ = [*_HOMES, "__version__", "build", "load"]


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name == "__version__":
        from importlib.metadata import version

        return version("hybrid-nas")
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def build(config: str | PathLike[str]) -> "nn.Module":
    """Build the network of a config, with fresh weights, as a torch module.

    `config` is a file that `nas export` wrote, a folder with one, or the name of a published model (`nas models`). The
    network maps images (B, channels, height_px, width_px) to logits (B, classes), with the sizes of the config's
    `input`.

    Raises ParameterError for a file that is unreadable, not a config, or of a newer schema.
    """
    from nas import plugins
    from nas.exports.source import source_of

    source = source_of(str(config)).config
    model: nn.Module = plugins.load(plugins.BUILDERS, source.builder).build(source.architecture, source.model_input)
    return model


def load(folder: str | PathLike[str], *, folded: bool = False) -> "nn.Module":
    """Load the network of a folder that `nas export --format torch` or `nas retrain` wrote, with its weights.

    With `folded` it has the form that is deployed and was measured: for inference only, batch norms folded. A network
    that `nas retrain` trained has `predict(pictures)`, which gives class names and probabilities for paths, PIL images
    or arrays (nas.exports.prediction.Predictor); called itself it takes normalised images.

    Raises ParameterError as `build` does, and when the weights are missing or belong to another network.
    """
    from nas.exports.loading import load_network

    model: nn.Module = load_network(str(folder), folded=folded)
    return model
