"""Token mixers side by side on this machine: what each costs and how long it takes as the grid grows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas import plugins
from nas.architecture import Cost, ModelInput
from nas.builder import Builder
from nas.latency.meter import load_meter
from nas.objective import Measurement

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class MixerReport:
    """One mixer at one width: cost and latency on each of `sides` x `sides` tokens, and what it says of itself."""

    mixer: str
    stated_cost: str
    bound_by: str
    is_tied: bool
    sides: tuple[int, ...]
    costs: tuple[Cost, ...]
    latencies: tuple[Measurement, ...]


@dataclass(frozen=True)
class LoneMixer:
    """A token mixer by itself on a grid of tokens: a network that can be measured."""

    mixer: str
    model_input: ModelInput

    def build(self) -> "nn.Module":
        builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
        return builder.build_mixer(self.mixer, self.model_input)


def compare(mixers: Sequence[str], width: int, sides: Sequence[int], target: str) -> Iterator[MixerReport]:
    """A report for each mixer, measured one after another at batch 1.

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
            mixer_class.bound_by,
            mixer_class.tied,
            tuple(sides),
            tuple(costs),
            tuple(latencies),
        )
