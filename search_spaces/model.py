"""The network that an Architecture describes, and the canonical form of an Architecture."""

import inspect
from collections.abc import Mapping
from dataclasses import replace

from torch import nn

from nas import plugins
from nas.architecture import Architecture, ModelInput, Option, Stage
from nas.errors import ParameterError, PluginError, UnknownNameError
from search_spaces.families import family_of
from search_spaces.part import MixerPart, Part


def build(architecture: Architecture, model_input: ModelInput) -> nn.Module:
    """Build the network of `architecture` for `model_input`, initialised from torch's global generator.

    It takes images (B, channels, height_px, width_px) and returns logits (B, classes).

    Raises ParameterError when the input is too small for the stages or a mixer refuses its options, UnknownNameError
    for an unknown mixer, recipe, norm or blueprint choice.
    """
    return network_part(architecture, model_input).build()


def network_part(architecture: Architecture, model_input: ModelInput) -> Part:
    """Describe the network. Raises as `build` does."""
    stages = [stage_part(architecture, index, model_input) for index in range(len(architecture.stages))]
    stem, head = stem_part(architecture, model_input), head_part(architecture, model_input)
    return Part(family_of(architecture).network_class, (stem, stages, head))


def stem_part(architecture: Architecture, model_input: ModelInput) -> Part:
    """Describe the stem. Raises as `build` does."""
    return family_of(architecture).stem(architecture, model_input)


def stage_part(architecture: Architecture, index: int, model_input: ModelInput) -> Part:
    """Describe stage `index` (from 0). Raises as `build` does."""
    family = family_of(architecture)
    grid = family.grids(architecture, model_input)[index]
    mixer = mixer_part(architecture, index, grid)
    return family.stage(architecture, index, model_input, mixer)


def head_part(architecture: Architecture, model_input: ModelInput) -> Part:
    """Describe the head. Raises as `build` does."""
    return family_of(architecture).head(architecture, model_input)


def build_stem(architecture: Architecture, model_input: ModelInput) -> nn.Module:
    """Build only the network's stem. Raises as `build` does."""
    return stem_part(architecture, model_input).build()


def build_stage(architecture: Architecture, index: int, model_input: ModelInput) -> nn.Module:
    """Build only stage `index` (from 0) of the network. Raises as `build` does."""
    return stage_part(architecture, index, model_input).build()


def build_head(architecture: Architecture, model_input: ModelInput) -> nn.Module:
    """Build only the network's head. Raises as `build` does."""
    return head_part(architecture, model_input).build()


def mixer_part(architecture: Architecture, index: int, grid: tuple[int, int]) -> Part:
    """Describe one token mixer of stage `index` for a grid of (height, width) tokens. Raises as `build` does."""
    stage = architecture.stages[index]
    return MixerPart(mixer_class(stage.mixer), (stage.width, grid), mixer_options(architecture, index), stage.mixer)


def mixer_class(name: str) -> type[nn.Module]:
    """Load a token mixer. Raises UnknownNameError, or PluginError for one that is no module."""
    loaded = plugins.load(plugins.MIXERS, name)
    if not (inspect.isclass(loaded) and issubclass(loaded, nn.Module)):
        raise PluginError(f"mixer {name!r} is {loaded!r}, and no class of torch.nn.Module")
    return loaded


def mixer_options(architecture: Architecture, index: int) -> dict[str, Option]:
    """Return the options of a stage's mixer, those of the recipe included. Raises as `build` does."""
    stage = architecture.stages[index]
    defaults = option_defaults(stage.mixer)
    for name, value in stage.options:
        if name not in defaults:
            valid = ", ".join(defaults) or "none"
            raise ParameterError(f"mixer {stage.mixer!r} has no option {name!r}; valid: {valid}")
        # A whole number is recorded as an int, also where the option is a fraction.
        is_whole_fraction = type(value) is int and type(defaults[name]) is float
        if type(value) is not type(defaults[name]) and not is_whole_fraction:
            kind = type(defaults[name]).__name__
            raise ParameterError(f"mixer {stage.mixer!r}: {name} {value!r} is not of type {kind}")
    return {**_family_defaults(architecture, stage), **dict(stage.options)}


def option_defaults(mixer: str) -> Mapping[str, Option]:
    """Return a mixer's options (its constructor's keyword-only parameters) with defaults. Raises UnknownNameError."""
    parameters = inspect.signature(mixer_class(mixer)).parameters.values()
    return {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }


def _family_defaults(architecture: Architecture, stage: Stage) -> dict[str, Option]:
    """Return those of the recipe's options that the stage's mixer accepts."""
    defaults = family_of(architecture).mixer_defaults(stage.mixer, stage, architecture.blueprint)
    return {name: value for name, value in defaults.items() if name in option_defaults(stage.mixer)}


def canonical(architecture: Architecture) -> Architecture:
    """Return the network's canonical form, without the options, norms and blueprint choices that are defaults.

    Raises as `build` does.
    """
    family = family_of(architecture)
    blueprint = family.canonical(architecture.blueprint)
    architecture = replace(architecture, blueprint=blueprint)
    stages = []
    for index, stage in enumerate(architecture.stages):
        mixer_options(architecture, index)
        defaults = {**option_defaults(stage.mixer), **_family_defaults(architecture, stage)}
        options = tuple((name, value) for name, value in stage.options if value != defaults[name])
        stages.append(replace(stage, options=options, norm=_canonical_norm(stage, architecture)))
    return replace(architecture, stages=tuple(stages))


def _canonical_norm(stage: Stage, architecture: Architecture) -> str | None:
    family = family_of(architecture)
    if stage.norm is not None and stage.norm not in family.norms:
        raise UnknownNameError("norm", stage.norm, family.norms)
    return None if stage.norm == (architecture.blueprint.norm or family.norm) else stage.norm


def grids(architecture: Architecture, model_input: ModelInput) -> list[tuple[int, int]]:
    """Return each stage's (height, width) in tokens. Raises ParameterError for an input that is too small."""
    return family_of(architecture).grids(architecture, model_input)


def single_stage(stage: Stage, recipe: str) -> Architecture:
    """Make an architecture of the stage alone."""
    return Architecture((stage,), recipe)
