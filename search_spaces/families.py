"""Families of networks by recipe: each turns an architecture into the parts of its network (search_spaces/part.py)."""

from collections.abc import Collection, Mapping
from typing import Protocol

from torch import nn

from nas.architecture import Architecture, Blueprint, ModelInput, Option, Stage
from nas.errors import UnknownNameError
from search_spaces.metaformer_family import MetaFormerFamily
from search_spaces.part import Part
from search_spaces.plain_family import PlainFamily
from search_spaces.recipe import RECIPES


class Family(Protocol):
    """The networks of one recipe. Methods raise ParameterError or UnknownNameError for what cannot be built."""

    @property
    def channels_first(self) -> bool:
        """Whether tensors between parts are x_BCHW rather than x_BHWC."""

    @property
    def network_class(self) -> type[nn.Module]:
        """The network's class, which takes (stem, stages, head)."""

    @property
    def norm(self) -> str:
        """The norm of stages unless the blueprint or the stage names another."""

    @property
    def norms(self) -> Collection[str]:
        """The names of norms that stages may have."""

    def canonical(self, blueprint: Blueprint) -> Blueprint:
        """Leave out choices that are the recipe's defaults. Raises for names that the recipe does not know."""

    def mixer_defaults(self, mixer: str, stage: Stage, blueprint: Blueprint) -> Mapping[str, Option]:
        """Return the options that the stage's token mixer has here by default."""

    def grids(self, architecture: Architecture, model_input: ModelInput) -> list[tuple[int, int]]:
        """Return each stage's (height, width) in tokens."""

    def stem(self, architecture: Architecture, model_input: ModelInput) -> Part:
        """Describe the stem: images x_BCHW to the first stage's tokens."""

    def stage(self, architecture: Architecture, index: int, model_input: ModelInput, mixer: Part) -> Part:
        """Describe stage `index` (from 0): a search_spaces.network.Stage of blocks with that token mixer."""

    def head(self, architecture: Architecture, model_input: ModelInput) -> Part:
        """Describe the head: the last stage's tokens to logits_BK."""


FAMILIES: Mapping[str, Family] = {
    **{name: MetaFormerFamily(recipe) for name, recipe in RECIPES.items()},
    "plain": PlainFamily(),
}


def family_of(architecture: Architecture) -> Family:
    """Return the family of the architecture's recipe. Raises UnknownNameError for an unknown recipe."""
    if architecture.recipe not in FAMILIES:
        raise UnknownNameError("recipe", architecture.recipe, FAMILIES)
    return FAMILIES[architecture.recipe]
