"""A token mixer by itself, to be measured: images whose pixels are tokens."""

import torch
from torch import nn

from nas.architecture import RECIPE, Cost, ModelInput, Stage
from search_spaces.cost import count
from search_spaces.foldable import OnTokens
from search_spaces.model import mixer_part, single_stage


def build_mixer(name: str, tokens: ModelInput) -> nn.Module:
    """Build one token mixer for a grid of tokens (nas.builder.Builder). Raises UnknownNameError."""
    architecture = single_stage(Stage(name, 1, tokens.channels), RECIPE)
    mixer = mixer_part(architecture, 0, (tokens.height_px, tokens.width_px)).build()
    return OnTokens(mixer.to(memory_format=torch.channels_last))


def mixer_cost(name: str, tokens: ModelInput) -> Cost:
    """Count the cost of one token mixer (nas.builder.Builder). Raises UnknownNameError."""
    with torch.device("meta"):
        mixer = build_mixer(name, tokens)
        return count(mixer, torch.empty(1, tokens.channels, tokens.height_px, tokens.width_px))
