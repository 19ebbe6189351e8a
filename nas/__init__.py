"""Neural architecture search over hybrid token-mixer layouts: the core, free of torch and ray at import."""

from os import PathLike
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from nas.service.client import Client

__all__ = ["Client", "build", "load"]


def __getattr__(name: str) -> Any:
    """`nas.Client`, with which comes an HTTP client that most do without."""
    if name == "Client":
        from nas.service.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def build(config: str | PathLike[str]) -> "nn.Module":
    """The network that a config describes, with fresh weights, as a torch module.

    `config` is a file of `nas export`, a folder of one, or a published model's name (`nas models`). The network takes
    images (B, channels, height_px, width_px) and gives logits (B, classes), sizes as in the config's `input`.

    Raises ParameterError for a file that cannot be read, is no such config, or is of a newer schema.
    """
    from nas import plugins
    from nas.export.source import source_of

    found = source_of(str(config)).config
    model: nn.Module = plugins.load(plugins.BUILDERS, found.builder).build(found.architecture, found.model_input)
    return model


def load(folder: str | PathLike[str], *, folded: bool = False) -> "nn.Module":
    """The network of a folder that `nas export --format torch` or `nas retrain` wrote, with its weights.

    With `folded` it is in the form that is deployed and was measured: for inference alone, batch norms folded away.

    Raises ParameterError as `build` does, and when the weights are missing or are another network's.
    """
    from nas import plugins
    from nas.errors import ParameterError
    from nas.export.source import WEIGHTS_FILE, source_of

    found = source_of(str(folder))
    if found.weights is None:
        raise ParameterError(
            f"folder {str(folder)!r} has no {WEIGHTS_FILE}; nas.build makes the network without weights"
        )
    model: nn.Module = plugins.load(plugins.WEIGHTS, "safetensors")(found.config, found.weights)
    if not folded:
        return model
    deployed: nn.Module = plugins.load(plugins.BUILDERS, found.config.builder).folded(model)
    return deployed
