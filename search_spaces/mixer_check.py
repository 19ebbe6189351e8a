"""The check of a token mixer before networks have it: a mistake in it would fail every trial."""

import torch
from torch import Tensor, nn

from nas.architecture import Stage
from nas.errors import NasError, ParameterError, PluginError
from search_spaces import model

# A grid at which every mixer works.
SMALL_GRID = (2, 2)
# The class attributes that a mixer states, each by any of these names.
STATED = (("cost",), ("tied",), ("bound_by", "leans_on"))


def checked_mixer(stage: Stage, recipe: str) -> nn.Module:
    """Build a stage's mixer at the stage's width, without memory for its weights, and call it once.

    Raises PluginError for a mixer that does not state its cost, fails, or changes the tokens' shape; ParameterError for
    options that it refuses or that are beyond the width; UnknownNameError.
    """
    architecture = model.canonical(model.single_stage(stage, recipe))
    name, (canonical,) = stage.mixer, architecture.stages
    mixer_class = model.mixer_class(name)
    for names in STATED:
        if not any(hasattr(mixer_class, attribute) for attribute in names):
            raise PluginError(f"mixer {name!r}: {mixer_class.__qualname__} has no class attribute {names[0]}")
    for option in getattr(mixer_class, "within_width", ()):
        value = dict(canonical.options).get(option, 0)
        if isinstance(value, (int, float)) and value > stage.width:
            raise ParameterError(
                f"mixer {name!r}: {option} {value} is more than the stage's largest width, {stage.width}"
            )
    try:
        with torch.device("meta"), torch.no_grad():
            mixer = model.mixer_part(architecture, 0, SMALL_GRID).build()
            tokens_BHWC = torch.empty(1, *SMALL_GRID, stage.width)
            mixed_BHWC = mixer.eval()(tokens_BHWC)
    except NasError:
        raise
    except Exception as error:
        message = next(iter(str(error).splitlines()), "no message")
        raise PluginError(
            f"mixer {canonical.mixer_label} fails at width {stage.width}: {type(error).__name__}: {message}"
        ) from error
    if not isinstance(mixed_BHWC, Tensor) or mixed_BHWC.shape != tokens_BHWC.shape:
        output = list(mixed_BHWC.shape) if isinstance(mixed_BHWC, Tensor) else type(mixed_BHWC).__name__
        before = list(tokens_BHWC.shape)
        raise PluginError(f"mixer {canonical.mixer_label} turns tokens of shape {before} into {output}")
    return mixer
