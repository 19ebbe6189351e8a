"""Benchmark of token mixers on this machine: cost and latency against the size of the token grid."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas import plugins
from nas.architecture import Cost, ModelInput
from nas.builder import Builder
from nas.latency.meter import load_meter
from nas.objective import Measurement
from nas.space.mixing import mixing_of

if TYPE_CHECKING:
    from torch import nn


# The deprecated name of `bound_by`, accepted for one release.
_OLD_NAME = "leans_on"


@dataclass(frozen=True)
class MixerReport:
    """One mixer at one width: what it declares, and its cost and latency on each grid of `sides` x `sides` tokens."""

    mixer: str
    stated_cost: str
    bound_by: str
    mixing: str | None
    is_tied: bool
    sides: tuple[int, ...]
    costs: tuple[Cost, ...]
    latencies: tuple[Measurement, ...]


@dataclass(frozen=True)
class LoneMixer:
    """A token mixer on its own on a grid of tokens, in its deployed form: a Network."""

    mixer: str
    model_input: ModelInput

    def build(self) -> "nn.Module":
        builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
        return builder.folded(builder.build_mixer(self.mixer, self.model_input))


def stated_bound(mixer_class: Any) -> str:
    """Return the hardware resource that limits the mixer's speed, as the class states it in `bound_by`.

    A third-party class may still state it under the attribute's old name. The nearest class in its MRO decides.
    """
    names = {"bound_by", _OLD_NAME}
    owner = next((owner for owner in mixer_class.__mro__ if names & vars(owner).keys()), mixer_class)
    if "bound_by" in vars(owner) or _OLD_NAME not in vars(owner):
        return str(mixer_class.bound_by)
    message = f"mixer {owner.__qualname__}: the attribute {_OLD_NAME} is now named bound_by"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return str(vars(owner)[_OLD_NAME])


def compare(mixers: Sequence[str], width: int, sides: Sequence[int], target: str) -> Iterator[MixerReport]:
    """Yield a report for each mixer, measured one after another at batch 1.

    Raises UnknownNameError for a mixer or target, ParameterError for a target's option.
    """
    for name in mixers:
        plugins.check(plugins.MIXERS, name)
    builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    measure = load_meter(target).measure
    for name in mixers:
        mixer_class = plugins.load(plugins.MIXERS, name)
        costs, latencies = [], []
        for side in sides:
            tokens = ModelInput(channels=width, height_px=side, width_px=side, classes=1)
            costs.append(builder.mixer_cost(name, tokens))
            latencies.append(measure(LoneMixer(name, tokens)))
        yield MixerReport(
            name,
            mixer_class.cost,
            stated_bound(mixer_class),
            mixing_of(name),
            mixer_class.tied,
            tuple(sides),
            tuple(costs),
            tuple(latencies),
        )
