"""Recipe `plain`: networks whose stem, downsampling, norm, activation and block form are choices.

The choices are those of nas/architecture/blueprint.py. The defaults make a plain convolutional network: 3x3
convolutions, batch norm, ReLU, no residual connection around mixers that need none.
"""

from collections.abc import Collection, Mapping
from typing import ClassVar

from torch import nn

from nas.architecture import Architecture, Blueprint, ModelInput, Option, Stage, Stem
from nas.errors import UnknownNameError
from search_spaces import plain_network
from search_spaces.activation import ACTIVATIONS
from search_spaces.grids import MIN_GRID, Convolution, largest_stride, stage_grids, too_small_error
from search_spaces.norms import NORMS
from search_spaces.part import IDENTITY, Part, Repeated

# MetaFormer's form of block, after which the head needs a norm.
PRE_NORM = "prenorm"
BLOCKS = ("plain", "residual", PRE_NORM)
DEFAULTS = {"downsample": "conv", "norm": "batch", "activation": "relu", "block": "plain"}
VALID: Mapping[str, Collection[str]] = {
    "downsample": plain_network.DOWNSAMPLES,
    "norm": NORMS,
    "activation": ACTIVATIONS,
    "block": BLOCKS,
}
# The default stem has the largest stride that leaves the last stage 2x2 tokens.
STEM_KERNEL = 3
STEM_PADDINGS = {2: 1, 1: 1}


class PlainFamily:
    """The networks of recipe `plain`."""

    channels_first: ClassVar = True
    network_class: ClassVar[type[nn.Module]] = plain_network.PlainNetwork
    norm: ClassVar = DEFAULTS["norm"]
    norms: ClassVar[Collection[str]] = NORMS

    def canonical(self, blueprint: Blueprint) -> Blueprint:
        """Leave out the choices that are DEFAULTS. Raises UnknownNameError for a name that is not in VALID."""
        values = self._values(blueprint)
        choices = {name: None if value == DEFAULTS[name] else value for name, value in values.items()}
        return Blueprint(stem=blueprint.stem, **choices)

    def mixer_defaults(self, mixer: str, stage: Stage, blueprint: Blueprint) -> Mapping[str, Option]:
        """Return the norm and the activation for mixers that contain norms and activations."""
        return {"norm": self._norm(stage, blueprint), "activation": self._values(blueprint)["activation"]}

    def grids(self, architecture: Architecture, model_input: ModelInput) -> list[tuple[int, int]]:
        stem = self._stem(architecture, model_input)
        stages = len(architecture.stages)
        grids = stage_grids(model_input, _convolutions(stem), stages)
        if min(grids[-1]) < MIN_GRID:
            raise too_small_error(model_input, stages, stem.stride)
        return grids

    def stem(self, architecture: Architecture, model_input: ModelInput) -> Part:
        self.grids(architecture, model_input)
        stem = self._stem(architecture, model_input)
        first = architecture.stages[0]
        settings = {"kernel": stem.kernel, "strides": stem.conv_strides, "pool": stem.pool}
        return Part(
            plain_network.PlainStem, (model_input.channels, first.width), settings | self._details(first, architecture)
        )

    def stage(self, architecture: Architecture, index: int, model_input: ModelInput, mixer: Part) -> Part:
        stage = architecture.stages[index]
        values = self._values(architecture.blueprint)
        details = self._details(stage, architecture)
        downsample = IDENTITY
        if index > 0:
            input_width = architecture.stages[index - 1].width
            arguments = (values["downsample"], input_width, stage.width)
            downsample = Part(plain_network.PlainDownsample, arguments, details)
        grid = self.grids(architecture, model_input)[index]
        position = Part(plain_network.PlainPosition, (stage.width, grid)) if stage.position else IDENTITY
        settings = {"mlp_ratio": stage.mlp_ratio, **details}
        if values["block"] == PRE_NORM:
            block = Part(plain_network.PreNormBlock, (mixer, stage.width), settings)
        else:
            residual = {"residual": values["block"] == "residual"}
            block = Part(plain_network.PlainBlock, (mixer, stage.width), residual | settings)
        return Part(plain_network.PlainStage, (downsample, position, Repeated(block, stage.depth)))

    def head(self, architecture: Architecture, model_input: ModelInput) -> Part:
        last = architecture.stages[-1]
        is_normed = self._values(architecture.blueprint)["block"] != PRE_NORM
        norm = None if is_normed else self._norm(last, architecture.blueprint)
        return Part(plain_network.PlainHead, (last.width, model_input.classes), {"norm": norm})

    def _stem(self, architecture: Architecture, model_input: ModelInput) -> Stem:
        if architecture.blueprint.stem is not None:
            return architecture.blueprint.stem
        return Stem(STEM_KERNEL, largest_stride(STEM_KERNEL, STEM_PADDINGS, len(architecture.stages), model_input))

    def _details(self, stage: Stage, architecture: Architecture) -> dict[str, str]:
        blueprint = architecture.blueprint
        return {"norm": self._norm(stage, blueprint), "activation": self._values(blueprint)["activation"]}

    def _norm(self, stage: Stage, blueprint: Blueprint) -> str:
        norm = stage.norm or self._values(blueprint)["norm"]
        if norm not in NORMS:
            raise UnknownNameError("norm", norm, NORMS)
        return norm

    def _values(self, blueprint: Blueprint) -> dict[str, str]:
        """Return every named choice, the default where the blueprint has none. Raises UnknownNameError."""
        values = {name: getattr(blueprint, name) or default for name, default in DEFAULTS.items()}
        for name, value in values.items():
            if value not in VALID[name]:
                raise UnknownNameError(name, value, VALID[name])
        return values


def _convolutions(stem: Stem) -> list[Convolution]:
    convolutions = [(stem.kernel, stride, (stem.kernel - stride + 1) // 2) for stride in stem.conv_strides]
    return [*convolutions, (3, 2, 1)] if stem.pool else convolutions
