"""The builder's methods for known networks: architectures of recipe `known` whose one stage's mixer is the name."""

from functools import lru_cache

import torch
from torch import nn

from nas import plugins
from nas.architecture import Architecture, Cost, ModelInput
from nas.errors import ExportError, ParameterError, UserError
from nas.exports.known import KnownName, known_name
from search_spaces.cost import count
from search_spaces.known.foreign import ForeignNetwork
from search_spaces.known.timm_network import check, timm_network
from search_spaces.known.users_network import users_function
from search_spaces.memory import peak_bytes


def build(architecture: Architecture, model_input: ModelInput) -> nn.Module:
    """Build the network with fresh weights from torch's global generator, and check its output for an empty image.

    Raises UnknownNameError for an unknown name, ParameterError when the network cannot be made for this input.
    """
    name = known_name(architecture)
    # Third-party code may read numbers, which the meta device does not have.
    with torch.device("cpu"):
        try:
            network = _instantiate(name, model_input)
            _check_output(network, model_input)
        except UserError:
            raise
        # Third-party code may raise anything for an input that it was not written for.
        except Exception as error:
            plugins.check_conflict(error)
            size = f"{model_input.channels}x{model_input.height_px}x{model_input.width_px}"
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ParameterError(f"network {name.text!r} cannot be made for images of {size}: {reason}") from error
    return network


def canonical(architecture: Architecture) -> Architecture:
    """Return the architecture unchanged. Raises UnknownNameError or ParameterError when its name names no network."""
    name = known_name(architecture)
    if name.is_timm:
        check(name.after)
    elif name.is_users:
        users_function(name.text)
    return architecture


@lru_cache(maxsize=1000)
def cost(architecture: Architecture, model_input: ModelInput) -> Cost:
    """Count the cost on a network with weights: third-party code may not run on the meta device. Raises as `build`."""
    return count(_fresh(architecture, model_input), _image(model_input))


def part_cost(architecture: Architecture, index: int, model_input: ModelInput) -> Cost:
    """Count the whole network, which is its one stage. Raises as `build` does."""
    return cost(architecture, model_input)


def peak_memory(architecture: Architecture, model_input: ModelInput) -> int:
    """Return the peak memory in bytes (nas.builder.Builder). Raises as `build` does."""
    return peak_bytes(_fresh(architecture, model_input), _image(model_input))


def refuse_export(form: str) -> None:
    """Raise ExportError: these formats describe a MetaFormer's blocks."""
    raise ExportError(f"--format {form} holds networks of a search space; export a known network as torch or onnx")


def _instantiate(name: KnownName, model_input: ModelInput) -> nn.Module:
    if name.is_timm:
        return ForeignNetwork(timm_network(name.after, model_input), model_input)
    if name.is_users:
        network: object = users_function(name.text)(**model_input.to_dict())
    else:
        network = plugins.load(plugins.BASELINES, name.text)(model_input)
    if not isinstance(network, nn.Module):
        raise ParameterError(
            f"network {name.text!r}: the function returned a {type(network).__name__}, not an nn.Module"
        )
    return ForeignNetwork(network, model_input) if name.is_users else network


def _check_output(network: nn.Module, model_input: ModelInput) -> None:
    was_training = network.training
    with torch.no_grad():
        logits_BK = network.eval()(_image(model_input))
    network.train(was_training)
    if not isinstance(logits_BK, torch.Tensor) or logits_BK.shape != (1, model_input.classes):
        shape = tuple(logits_BK.shape) if isinstance(logits_BK, torch.Tensor) else type(logits_BK).__name__
        raise ParameterError(
            f"the network gives {shape} for one image, and (1, {model_input.classes}) is needed: a logit for each class"
        )


def _fresh(architecture: Architecture, model_input: ModelInput) -> nn.Module:
    """Build the network in evaluation mode without changing the state of the global generator."""
    with torch.random.fork_rng(devices=()):
        return build(architecture, model_input).eval()


def _image(model_input: ModelInput) -> torch.Tensor:
    return torch.zeros(1, model_input.channels, model_input.height_px, model_input.width_px, device="cpu")
