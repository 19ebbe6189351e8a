"""The builder `metaformer`, a nas.builder.Builder: an entry point of group `nas.builders`.

Known networks (search_spaces/known) are built by name, all others from the parts of their recipe
(search_spaces/families.py).
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from nas.architecture import Architecture, Cost, ModelInput
from nas.exports.known import KNOWN
from search_spaces import cost as counting
from search_spaces import memory, model
from search_spaces.contract.suite import check_contract
from search_spaces.folding import folded
from search_spaces.known import family
from search_spaces.lone_mixer import build_mixer, mixer_cost
from search_spaces.mixer_check import checked_mixer
from search_spaces.supernet import supernet

__all__ = [
    "build",
    "build_mixer",
    "canonical",
    "check_contract",
    "checked_mixer",
    "cost",
    "folded",
    "mixer_cost",
    "part_cost",
    "peak_memory",
    "supernet",
]


@dataclass(frozen=True)
class BuilderMethods:
    """The methods of nas.builder.Builder that differ between assembled networks and known ones."""

    build: Callable[[Architecture, ModelInput], nn.Module]
    canonical: Callable[[Architecture], Architecture]
    cost: Callable[[Architecture, ModelInput], Cost]
    part_cost: Callable[[Architecture, int, ModelInput], Cost]
    peak_memory: Callable[[Architecture, ModelInput], int]


ASSEMBLED = BuilderMethods(model.build, model.canonical, counting.cost, counting.part_cost, memory.peak_memory)
KNOWN_NETWORKS = BuilderMethods(family.build, family.canonical, family.cost, family.part_cost, family.peak_memory)


def build(architecture: Architecture, model_input: ModelInput) -> nn.Module:
    return _methods_for(architecture).build(architecture, model_input)


def canonical(architecture: Architecture) -> Architecture:
    return _methods_for(architecture).canonical(architecture)


def cost(architecture: Architecture, model_input: ModelInput) -> Cost:
    return _methods_for(architecture).cost(architecture, model_input)


def part_cost(architecture: Architecture, index: int, model_input: ModelInput) -> Cost:
    return _methods_for(architecture).part_cost(architecture, index, model_input)


def peak_memory(architecture: Architecture, model_input: ModelInput) -> int:
    return _methods_for(architecture).peak_memory(architecture, model_input)


def _methods_for(architecture: Architecture) -> BuilderMethods:
    return KNOWN_NETWORKS if architecture.recipe == KNOWN else ASSEMBLED
