"""The mixer under a contract's check, and how a check fails."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from nas.architecture import Option

WIDTH = 64


class ContractError(Exception):
    """A violation of the contract, in one line."""


def require(condition: bool, violation: str) -> None:
    """Raise ContractError with the violation unless the condition holds."""
    if not condition:
        raise ContractError(violation)


@dataclass(frozen=True)
class Subject:
    """A token mixer under check: its name among the plug-ins, its class, and options unlike its defaults."""

    name: str
    mixer_class: type[nn.Module]
    options: Mapping[str, Option] = field(default_factory=dict)

    def make(self, grid: tuple[int, int]) -> nn.Module:
        """Make the mixer at WIDTH channels, always with the same weights."""
        torch.manual_seed(0)
        return self.mixer_class(WIDTH, grid, **self.options)

    def stated(self, attribute: str) -> object:
        """Return a class attribute. Raises ContractError without it."""
        require(hasattr(self.mixer_class, attribute), f"{self.mixer_class.__qualname__} has no attribute {attribute}")
        value: object = getattr(self.mixer_class, attribute)
        return value
