"""Networks from timm (Wightman, PyTorch Image Models, doi 10.5281/zenodo.4414861), with fresh weights."""

import difflib
from typing import Any

from torch import nn

from nas.architecture import ModelInput
from nas.errors import ParameterError

MAX_SUGGESTIONS = 5


def check(name: str) -> None:
    """Check that timm has the network. Raises ParameterError, with the closest names, when it does not."""
    # Imported here: it takes seconds, which other commands should not wait for.
    import timm

    if not timm.is_model(name):
        close = difflib.get_close_matches(name, timm.list_models(), MAX_SUGGESTIONS, cutoff=0.5)
        hint = f"; close to it: {', '.join(close)}" if close else ""
        raise ParameterError(f"timm {timm.__version__} has no network {name!r}{hint}")


def timm_network(name: str, model_input: ModelInput) -> nn.Module:
    """Make the network for this input, also for its size if the network is tied to one. Raises ParameterError."""
    import timm

    check(name)
    config = timm.models.get_pretrained_cfg(name)
    arguments: dict[str, Any] = {"in_chans": model_input.channels, "num_classes": model_input.classes}
    if config is not None and config.fixed_input_size:
        arguments["img_size"] = (model_input.height_px, model_input.width_px)
    network: nn.Module = timm.create_model(name, pretrained=False, **arguments)
    return network
