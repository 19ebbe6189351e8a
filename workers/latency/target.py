"""A target: the device and runtime on which latency is measured, named `NAME[:option=value,...]`."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from torch import nn

from nas.architecture import ModelInput
from nas.errors import ParameterError
from workers.latency.estimate import Estimate, Estimating, Run

R = TypeVar("R", bound=Run)
Fingerprint = Mapping[str, str | int]


@dataclass(frozen=True)
class TargetOptions:
    """What is written after a target's name. `size_px` None is the proxy's input size."""

    threads: int = 1
    batch: int = 1
    size_px: int | None = None
    precision: str = "fp32"
    channels_last: bool = True


# A side of the images, and how many of them: one inference on more would take minutes, or all memory.
MOST = {"size": 4096, "batch": 4096}


class Target(Protocol[R]):
    """Where a network will be deployed. Made of its TargetOptions; one plug-in of group `nas.targets` per runtime.

    `valid` lists the options that the target takes, each with its values; none listed is any whole number from 1.
    """

    valid: Mapping[str, Sequence[str]]
    options: TargetOptions
    # Whether a network is placed and timed in one window: placing is quick, and what others do in between would tell.
    placed_alone: bool

    @staticmethod
    def obstacle() -> str | None:
        """Why this machine cannot serve the target; None where it can."""

    @property
    def quarters(self) -> str:
        """What a measurement has to itself: `machine`, or one of its GPUs (workers/device.py)."""

    def fingerprint(self) -> Fingerprint:
        """What makes two figures comparable: device, driver, runtime versions, options."""

    def prepare(self, model: nn.Module, model_input: ModelInput) -> R:
        """Put `model` in place for inference. What is slow about that (export, compilation) happens here."""

    def ready(self, run: R, reference: R) -> AbstractContextManager[Estimating]:
        """What times the two: all that can be done before that is done by then, so that nobody waits for it.

        TimedHere does it in this process, which suits most.
        """

    def calibrate(self, reference: R, warm_up_s: float, limit_s: float) -> Estimate:
        """The reference's own time."""


def parse_options(target: str, text: str, valid: Mapping[str, Sequence[str]]) -> TargetOptions:
    """Raises ParameterError on an unknown option or value."""
    found: dict[str, int | str | bool] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name not in valid:
            raise ParameterError(f"unknown option {name!r} of target {target!r}; valid: {', '.join(valid)}")
        if not value:
            raise ParameterError(
                f"option {name!r} of target {target!r} needs a value, as in {name}={(valid[name] or '4')[0]}"
            )
        if name in found:
            raise ParameterError(f"option {name!r} of target {target!r} is given twice")
        if valid[name]:
            if value not in valid[name]:
                raise ParameterError(
                    f"option {name} {value!r} of target {target!r} is not one of {', '.join(valid[name])}"
                )
            found[name] = value
        elif not value.isdecimal() or int(value) < 1:
            raise ParameterError(f"option {name} {value!r} of target {target!r} is not a whole number of at least 1")
        elif len(value) > 9 or int(value) > MOST.get(name, int(value)):
            raise ParameterError(f"option {name} {value!r} of target {target!r} is above {MOST.get(name, 10**9 - 1)}")
        else:
            found[name] = int(value)
    if "size" in found:
        found["size_px"] = found.pop("size")
    if "channels_last" in found:
        found["channels_last"] = found["channels_last"] == "yes"
    return TargetOptions(**found)  # type: ignore[arg-type]
