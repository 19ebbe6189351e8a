"""A target: the device and runtime on which latency is measured, named `NAME[:option=value,...]`."""

import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from torch import nn

from nas.architecture import ModelInput
from nas.errors import ParameterError
from workers.latency.estimate import Estimate, Estimating, Run

R = TypeVar("R", bound=Run)
Fingerprint = Mapping[str, str | int]


@dataclass(frozen=True)
class TargetOptions:
    """The options after a target's name. `size_px` None is the proxy's input size."""

    threads: int = 1
    batch: int = 1
    size_px: int | None = None
    precision: str = "fp32"
    channels_last: bool = True


# The images' side and their number: one inference on more would take minutes, or all memory.
MAX_VALUES = {"size": 4096, "batch": 4096}


class Target(Protocol[R]):
    """A deployment target, made from its TargetOptions; one plug-in of group `nas.targets` per runtime.

    `valid` lists the options that the target takes, each with its values; an empty list allows any whole number from 1.
    """

    valid: Mapping[str, Sequence[str]]
    options: TargetOptions
    # Whether a network is placed and timed under one exclusive lock, because work of others in between changes its
    # time; only where placing is quick.
    placed_alone: bool

    @staticmethod
    def obstacle() -> str | None:
        """Explain why this machine cannot serve the target; None where it can."""

    @property
    def lock_domain(self) -> str:
        """The hardware that a measurement has to itself: `machine`, or one of its GPUs (workers/device.py)."""

    def fingerprint(self) -> Fingerprint:
        """The facts that make two figures comparable: device, driver, runtime versions, options."""

    def prepare(self, model: nn.Module, model_input: ModelInput) -> R:
        """Put `model` in place for inference, slow work (export, compilation) included."""

    def ready(self, run: R, reference: R) -> AbstractContextManager[Estimating]:
        """Make the two ready and yield what times them. All other work is done before, so that nobody waits for it.

        InProcessTiming times in this process, which suits most targets.
        """

    def calibrate(self, reference: R, warm_up_s: float, limit_s: float) -> Estimate:
        """Time the reference itself."""


def lock_domain_of(target: Target[Any]) -> str:
    """The target's `lock_domain`, or its `quarters`: the former name, which targets of third parties may still have."""
    former: str | None = getattr(target, "quarters", None)
    if former is None:
        return target.lock_domain
    warnings.warn(f"target {type(target).__name__}: `quarters` is `lock_domain` now", DeprecationWarning, stacklevel=2)
    return former


def parse_options(target: str, text: str, valid: Mapping[str, Sequence[str]]) -> TargetOptions:
    """Parse the options after a target's name. Raises ParameterError on an unknown option or value."""
    options: dict[str, int | str | bool] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name not in valid:
            raise ParameterError(f"unknown option {name!r} of target {target!r}; valid: {', '.join(valid)}")
        if not value:
            raise ParameterError(
                f"option {name!r} of target {target!r} needs a value, as in {name}={(valid[name] or '4')[0]}"
            )
        if name in options:
            raise ParameterError(f"option {name!r} of target {target!r} is given twice")
        if valid[name]:
            if value not in valid[name]:
                raise ParameterError(
                    f"option {name} {value!r} of target {target!r} is not one of {', '.join(valid[name])}"
                )
            options[name] = value
        elif not value.isdecimal() or int(value) < 1:
            raise ParameterError(f"option {name} {value!r} of target {target!r} is not a whole number of at least 1")
        elif len(value) > 9 or int(value) > MAX_VALUES.get(name, int(value)):
            limit = MAX_VALUES.get(name, 10**9 - 1)
            raise ParameterError(f"option {name} {value!r} of target {target!r} is above {limit}")
        else:
            options[name] = int(value)
    if "size" in options:
        options["size_px"] = options.pop("size")
    if "channels_last" in options:
        options["channels_last"] = options["channels_last"] == "yes"
    return TargetOptions(**options)  # type: ignore[arg-type]
