"""What a network costs before anything is timed."""

from torch import nn


def count_parameters(model: nn.Module) -> int:
    """The learned parameters of `model`; frozen ones do not count."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
