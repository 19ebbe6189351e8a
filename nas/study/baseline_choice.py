"""The choice of known networks that a search trains beside its front: `--baselines none|few|NAMES`."""

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nas.architecture import ModelInput, total_cost
from nas.builder import Builder
from nas.errors import ParameterError, UserError
from nas.exports.known import known_network, parsed
from nas.results.settings import ComparableSettings
from nas.space import SearchSpace

NONE, FEW = "none", "few"
# For small images, the most informative first.
SMALL = ("plain-cnn-m", "plain-cnn-s", "speedrun-s", "resnet8", "plain-cnn-l", "speedrun-m", "speedrun-l")
# For images large enough for strides of 32 in all; the cheapest networks that are known to train well in few epochs.
LARGE = (
    "timm:mobilenetv3_small_050",
    "timm:lcnet_050",
    "timm:mobilenetv4_conv_small_035",
    "timm:repghostnet_050",
    "timm:resnet10t",
)
LARGE_FROM_PX = 96
# The share of a search that `few` baselines may take, in multiply-accumulates of trials that all run to the end.
MAX_SHARE = 0.05
TOO_EXPENSIVE = f"together they would take more than {MAX_SHARE:.0%} of the search's multiply-accumulates"
SAMPLED_MEMBERS = 16


@dataclass(frozen=True)
class Choice:
    """The names of the baselines to train, and the reasons for others that were skipped."""

    names: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)

    def notes(self) -> list[Mapping[str, str]]:
        """List the skipped names by reason."""
        reasons = dict.fromkeys(self.skipped.values())
        return [
            {"names": ", ".join(name for name, why in self.skipped.items() if why == reason), "because": reason}
            for reason in reasons
        ]


def named(texts: Sequence[str]) -> tuple[str, ...]:
    """Parse the values of `--baselines` into names, each once; `few` stands for itself, `none` for no name.

    Raises ParameterError for `none` beside names, UnknownNameError for an unknown name. Nothing is imported.
    """
    names = tuple(dict.fromkeys(name.strip() for text in texts for name in text.split(",")))
    if NONE in names and len(names) > 1:
        raise ParameterError(f"--baselines {','.join(names)}: {NONE} goes with no other name")
    for name in names:
        if name not in (NONE, FEW):
            parsed(name)
    return () if names == (NONE,) else names


def choose(
    names: Sequence[str], builder: Builder, space: SearchSpace, settings: ComparableSettings, trials: int, price: float
) -> Choice:
    """Choose the named baselines, and for `few` those that suit the images and are cheap beside the search.

    The search has a budget of `trials`; each baseline takes as much as `price` trials of its size. Raises UserError for
    a named one that cannot be built for the images or for a target's input.
    """
    inputs = [settings.input, settings.latency_input]
    requested = [name for name in names if name != FEW]
    for name in requested:
        _macs(name, builder, inputs)
    if FEW not in names:
        return Choice(tuple(requested))
    remaining_macs = MAX_SHARE * trials * _mean_macs(builder, space, inputs[0], settings.seed)
    chosen: list[str] = []
    skipped: dict[str, str] = {}
    for name in few(inputs[0]):
        if name in requested:
            continue
        try:
            macs = price * _macs(name, builder, inputs)
        except UserError as error:
            skipped[name] = str(error)
            continue
        if macs > remaining_macs and chosen:
            skipped[name] = TOO_EXPENSIVE
            continue
        remaining_macs -= macs
        chosen.append(name)
    return Choice((*requested, *chosen), skipped)


def few(model_input: ModelInput) -> tuple[str, ...]:
    """List the networks that an expert would train on images of that size, the most informative first."""
    return LARGE if min(model_input.height_px, model_input.width_px) >= LARGE_FROM_PX else SMALL


def _macs(name: str, builder: Builder, inputs: Sequence[ModelInput]) -> int:
    """Count multiply-accumulates at the first input, and check that the network can be built for each."""
    architecture = known_network(name)
    builder.canonical(architecture)
    try:
        first, *_ = [builder.cost(architecture, model_input).macs for model_input in inputs]
    except UserError as error:
        raise ParameterError(f"--baselines {name}: {error}") from error
    return first


def _mean_macs(builder: Builder, space: SearchSpace, model_input: ModelInput, seed: int) -> float:
    """Average the multiply-accumulates of random members."""
    generator = random.Random(seed)  # noqa: S311
    members = (space.sample(generator) for _ in range(SAMPLED_MEMBERS))
    return statistics.fmean(total_cost(builder, member, model_input).macs for member in members)
