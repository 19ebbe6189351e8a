"""Which known networks a search trains beside its front: `--baselines none|few|NAMES`."""

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nas.architecture import ModelInput, total_cost
from nas.baselines.known import known_network, parsed
from nas.builder import Builder
from nas.errors import ParameterError, UserError
from nas.space import SearchSpace

NONE, FEW = "none", "few"
# For small pictures, what tells most first.
SMALL = ("plain-cnn-m", "plain-cnn-s", "speedrun-s", "resnet8", "plain-cnn-l", "speedrun-m", "speedrun-l")
# They divide the picture by 32; the cheapest of those that are known to train well at few epochs.
LARGE = (
    "timm:mobilenetv3_small_050",
    "timm:lcnet_050",
    "timm:mobilenetv4_conv_small_035",
    "timm:repghostnet_050",
    "timm:resnet10t",
)
LARGE_FROM_PX = 96
# What baselines may take of a search by default, in multiply-accumulates of trials that are all trained to the end.
MAX_SHARE = 0.05
TOO_EXPENSIVE = f"together they would take more than {MAX_SHARE:.0%} of the search's multiply-accumulates"
SAMPLED_MEMBERS = 16


@dataclass(frozen=True)
class Choice:
    """The names of the baselines to train, and why others that were looked at are left out."""

    names: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)

    def notes(self) -> list[Mapping[str, str]]:
        """Names that are left out, by reason."""
        reasons = dict.fromkeys(self.skipped.values())
        return [
            {"names": ", ".join(name for name, why in self.skipped.items() if why == reason), "because": reason}
            for reason in reasons
        ]


def named(texts: Sequence[str]) -> tuple[str, ...]:
    """The names in the values of `--baselines`, each once; `few` stands for itself, `none` is nothing.

    Raises ParameterError for `none` beside names, UnknownNameError for a name of nothing. Nothing is imported.
    """
    names = tuple(dict.fromkeys(name.strip() for text in texts for name in text.split(",")))
    if NONE in names and len(names) > 1:
        raise ParameterError(f"--baselines {','.join(names)}: {NONE} goes with no other name")
    for name in names:
        if name not in (NONE, FEW):
            parsed(name)
    return () if names == (NONE,) else names


def choose(
    names: Sequence[str], builder: Builder, space: SearchSpace, settings: Mapping[str, Any], trials: int, seeds: int
) -> Choice:
    """The named baselines, and for `few` those that suit the pictures as long as they are cheap beside the search.

    A search of so many `trials`; each baseline is trained with `seeds` seeds. Raises UserError for a named one that
    cannot be built for the pictures or for a target's input.
    """
    inputs = [ModelInput.from_dict(settings[name]) for name in ("input", "latency_input")]
    wanted = [name for name in names if name != FEW]
    for name in wanted:
        _macs(name, builder, inputs)
    if FEW not in names:
        return Choice(tuple(wanted))
    left = MAX_SHARE * trials * _mean_macs(builder, space, inputs[0], settings["seed"])
    chosen: list[str] = []
    skipped: dict[str, str] = {}
    for name in few(inputs[0]):
        if name in wanted:
            continue
        try:
            macs = seeds * _macs(name, builder, inputs)
        except UserError as error:
            skipped[name] = str(error)
            continue
        if macs > left and chosen:
            skipped[name] = TOO_EXPENSIVE
            continue
        left -= macs
        chosen.append(name)
    return Choice((*wanted, *chosen), skipped)


def few(model_input: ModelInput) -> tuple[str, ...]:
    """Networks that an expert would train on pictures of that size, the most telling first."""
    return LARGE if min(model_input.height_px, model_input.width_px) >= LARGE_FROM_PX else SMALL


def _macs(name: str, builder: Builder, inputs: Sequence[ModelInput]) -> int:
    """The cost at the first input, after the network has been built for each."""
    architecture = known_network(name)
    builder.canonical(architecture)
    try:
        first, *_ = [builder.cost(architecture, each).macs for each in inputs]
    except UserError as error:
        raise ParameterError(f"--baselines {name}: {error}") from error
    return first


def _mean_macs(builder: Builder, space: SearchSpace, model_input: ModelInput, seed: int) -> float:
    """Of members drawn at random."""
    generator = random.Random(seed)  # noqa: S311
    members = (space.sample(generator) for _ in range(SAMPLED_MEMBERS))
    return statistics.fmean(total_cost(builder, member, model_input).macs for member in members)
