"""Neural architecture search over hybrid token-mixer layouts: the core, free of torch and ray at import."""

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

__all__ = ["build"]


def build(config: str | PathLike[str]) -> "nn.Module":
    """The network that a config file of `nas export` describes, with fresh weights, as a torch module.

    It takes images (B, channels, height_px, width_px) and gives logits (B, classes), sizes as in the config's `input`.

    Raises ParameterError for a file that cannot be read, is no such config, or is of a newer schema.
    """
    from pathlib import Path

    from nas import plugins
    from nas.export.config import load_config

    loaded = load_config(Path(config))
    model: nn.Module = plugins.load(plugins.BUILDERS, loaded.builder)(loaded.architecture, loaded.model_input)
    return model
