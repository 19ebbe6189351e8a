"""A target: the device and runtime on which latency is measured, named `NAME[:option=value,...]`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import nn

from nas.architecture import ModelInput
from nas.errors import ParameterError

Run = Callable[[], None]


class Target(Protocol):
    """Where a network will be deployed. `size_px` is the deployment input size, None for the proxy's."""

    size_px: int | None

    def fingerprint(self) -> Mapping[str, str | int]:
        """What makes two figures comparable: device, runtime versions, options. Raises UserError if it is not here."""

    def prepare(self, model: nn.Module, model_input: ModelInput) -> Run:
        """Put `model` in place for inference; each call of the result is one complete, synchronised inference."""


@dataclass(frozen=True)
class Options:
    """The options after a target's name, each a whole number of at least 1."""

    values: Mapping[str, int]

    @classmethod
    def parse(cls, target: str, text: str, valid: tuple[str, ...]) -> "Options":
        """Raises ParameterError on an unknown option or a value that is not a whole number of at least 1."""
        values: dict[str, int] = {}
        for part in filter(None, text.split(",")):
            name, _, value = part.partition("=")
            if name not in valid:
                raise ParameterError(f"unknown option {name!r} of target {target!r}; valid: {', '.join(valid)}")
            if not value.isdecimal() or int(value) < 1:
                raise ParameterError(
                    f"option {name} {value!r} of target {target!r} is not a whole number of at least 1"
                )
            values[name] = int(value)
        return cls(values)
