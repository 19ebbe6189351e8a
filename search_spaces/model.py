"""From an Architecture to the network that it describes, and back to its one spelling."""

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from nas import plugins
from nas.architecture import Architecture, ModelInput, Option, Stage
from nas.errors import ParameterError, UnknownNameError
from search_spaces import network
from search_spaces.recipe import RECIPES, Recipe

LEAST_GRID = 2
# Stages before this index have plain residuals, as published.
FIRST_SCALED_STAGE = 2
# LayerScale starts at 1e-5 in networks of up to 24 blocks, at 1e-6 in deeper ones, as published.
SHALLOW = 24


def build(architecture: Architecture, model_input: ModelInput) -> network.MetaFormer:
    """The network of `architecture` for `model_input`, initialised from torch's global generator.

    Takes images (B, channels, height_px, width_px), gives logits (B, classes).

    Raises ParameterError when the input is too small for the stages or a mixer refuses its options, UnknownNameError
    for an unknown mixer, recipe or norm.
    """
    return network.MetaFormer(
        build_stem(architecture, model_input),
        [build_stage(architecture, index, model_input) for index in range(len(architecture.stages))],
        build_head(architecture, model_input),
    )


def build_stem(architecture: Architecture, model_input: ModelInput) -> network.Stem:
    """The network's stem by itself. Raises as `build` does."""
    stride = stem_stride(model_input, len(architecture.stages))
    return network.Stem(model_input.channels, architecture.stages[0].width, stride, recipe_of(architecture))


def build_stage(architecture: Architecture, index: int, model_input: ModelInput) -> network.Stage:
    """Stage `index` (from 0) of the network by itself. Raises as `build` does."""
    stage = architecture.stages[index]
    recipe = recipe_of(architecture)
    grid = grids(model_input, len(architecture.stages))[index]
    downsample: nn.Module = nn.Identity()
    if index > 0:
        downsample = network.Downsample(architecture.stages[index - 1].width, stage.width, recipe)
    position = network.Position(stage.width, grid) if stage.position else nn.Identity()
    settings = block_settings(architecture, index)
    blocks = [
        network.Block(build_mixer(stage, grid, recipe), stage.width, recipe, **settings) for _ in range(stage.depth)
    ]
    return network.Stage(downsample, position, blocks)


def build_head(architecture: Architecture, model_input: ModelInput) -> network.Head:
    """The network's head by itself. Raises as `build` does."""
    last = architecture.stages[-1]
    recipe = recipe_of(architecture)
    return network.Head(last.width, model_input.classes, recipe, norm=_norm(last, recipe))


def build_mixer(stage: Stage, grid: tuple[int, int], recipe: Recipe) -> nn.Module:
    """One token mixer of the stage for a grid of (height, width) tokens. Raises as `build` does."""
    options = mixer_options(stage, recipe)
    mixer_class = plugins.load(plugins.MIXERS, stage.mixer)
    try:
        mixer: nn.Module = mixer_class(stage.width, grid, **options)
    except (ValueError, TypeError) as error:
        raise ParameterError(f"mixer {stage.mixer!r}: {error}") from error
    return mixer


def block_settings(architecture: Architecture, index: int) -> dict[str, Any]:
    """What the blocks of stage `index` differ in, as the keyword arguments of network.Block."""
    stage = architecture.stages[index]
    recipe = recipe_of(architecture)
    depth = sum(each.depth for each in architecture.stages)
    return {
        "norm": _norm(stage, recipe),
        "mlp_ratio": stage.mlp_ratio,
        "layer_scale": (1e-5 if depth <= SHALLOW else 1e-6) if recipe.layer_scale else None,
        "res_scale": recipe.res_scale and index >= FIRST_SCALED_STAGE,
    }


def mixer_options(stage: Stage, recipe: Recipe) -> dict[str, Option]:
    """The options that the stage's mixer is built with, the recipe's among them. Raises as `build` does."""
    defaults = option_defaults(stage.mixer)
    for name, value in stage.options:
        if name not in defaults:
            valid = ", ".join(defaults) or "none"
            raise ParameterError(f"mixer {stage.mixer!r} has no option {name!r}; valid: {valid}")
        if type(value) is not type(defaults[name]):
            kind = type(defaults[name]).__name__
            raise ParameterError(f"mixer {stage.mixer!r}: {name} {value!r} is not of type {kind}")
    return {**recipe.mixer_options.get(stage.mixer, {}), **dict(stage.options)}


def option_defaults(mixer: str) -> Mapping[str, Option]:
    """A mixer's options are its constructor's keyword-only parameters. Raises UnknownNameError."""
    parameters = inspect.signature(plugins.load(plugins.MIXERS, mixer)).parameters.values()
    return {each.name: each.default for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY}


def canonical(architecture: Architecture) -> Architecture:
    """The network's one spelling: options and norms that are as by default are left out. Raises as `build` does."""
    recipe = recipe_of(architecture)
    stages = []
    for stage in architecture.stages:
        mixer_options(stage, recipe)
        defaults = {**option_defaults(stage.mixer), **recipe.mixer_options.get(stage.mixer, {})}
        options = tuple((name, value) for name, value in stage.options if value != defaults[name])
        norm = None if _norm(stage, recipe) == recipe.norm else stage.norm
        stages.append(replace(stage, options=options, norm=norm))
    return replace(architecture, stages=tuple(stages))


def recipe_of(architecture: Architecture) -> Recipe:
    """Raises UnknownNameError."""
    if architecture.recipe not in RECIPES:
        raise UnknownNameError("recipe", architecture.recipe, RECIPES)
    return RECIPES[architecture.recipe]


def _norm(stage: Stage, recipe: Recipe) -> str:
    norm = stage.norm or recipe.norm
    if norm not in network.NORMS:
        raise UnknownNameError("norm", norm, network.NORMS)
    return norm


def stem_stride(model_input: ModelInput, stages: int) -> int:
    """The largest published-or-smaller stride of the stem at which the last stage's grid is at least 2x2.

    Raises ParameterError when even stride 1 leaves less than that.
    """
    for stride in network.STEM_PADDINGS:
        if min(_grids(model_input, stride, stages)[-1]) >= LEAST_GRID:
            return stride
    least = (LEAST_GRID - 1) * 2 ** (stages - 1) + 1
    raise ParameterError(
        f"input size {model_input.height_px}x{model_input.width_px} px is too small for {stages} stages: "
        f"at least {least}x{least} px"
    )


def grids(model_input: ModelInput, stages: int) -> list[tuple[int, int]]:
    """Each stage's (height, width) in tokens. Raises as `stem_stride` does."""
    return _grids(model_input, stem_stride(model_input, stages), stages)


def _grids(model_input: ModelInput, stride: int, stages: int) -> list[tuple[int, int]]:
    """The stem divides by its stride as its padding has it, each later stage by 2, rounding up."""
    trimmed = network.STEM_KERNEL - 2 * network.STEM_PADDINGS[stride]
    height, width = ((size - trimmed) // stride + 1 for size in (model_input.height_px, model_input.width_px))
    found = [(height, width)]
    for _ in range(stages - 1):
        height, width = -(-height // 2), -(-width // 2)
        found.append((height, width))
    return found
