"""A config's network with its weights: trained ones from a file, or fresh ones from the config's seed."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from nas import plugins
from nas.builder import Builder
from nas.errors import ParameterError
from nas.exports.config import ExportedConfig


def network_of(config: ExportedConfig, weights: Path | None) -> nn.Module:
    """Build the network in evaluation mode, with the safetensors file's weights or fresh ones from `config.seed`.

    Raises ParameterError when the file cannot be read or belongs to another network.
    """
    builder: Builder = plugins.load(plugins.BUILDERS, config.builder)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(config.seed)
        model = builder.build(config.architecture, config.model_input).eval()
    if weights is not None:
        try:
            model.load_state_dict(load_file(weights))
        except (OSError, SafetensorError) as error:
            raise ParameterError(f"weights {str(weights)!r} cannot be read: {str(error).splitlines()[0]}") from error
        except RuntimeError as error:
            raise ParameterError(
                f"weights {str(weights)!r} do not fit this network; they belong to another network or input size: "
                f"{_first_reason(error)}"
            ) from error
    return model


def example_input(config: ExportedConfig, batch: int) -> torch.Tensor:
    """Make random images x_BCHW of the config's size, always the same."""
    shape = (batch, config.model_input.channels, config.model_input.height_px, config.model_input.width_px)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the largest absolute difference, over the larger of 1 and the largest magnitude of `one`."""
    one, other = one.detach(), other.detach()
    return float((one - other).abs().max() / max(1.0, float(one.abs().max())))


def _first_reason(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[min(1, len(lines) - 1)]
