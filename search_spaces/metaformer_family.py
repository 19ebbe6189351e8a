"""The published MetaFormers, and their blocks under a linear head, by their recipes (search_spaces/recipe.py)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from nas.architecture import Architecture, Blueprint, ModelInput, Option, Stage
from nas.errors import ParameterError, UnknownNameError
from search_spaces import network
from search_spaces.grids import largest_stride, stage_grids
from search_spaces.part import IDENTITY, Part, Repeated
from search_spaces.recipe import NetworkRecipe

# Stages before this index have plain residuals, as published.
FIRST_SCALED_STAGE = 2
# LayerScale starts at 1e-5 in networks of up to 24 blocks, at 1e-6 in deeper ones, as published.
MAX_SHALLOW_DEPTH = 24


@dataclass(frozen=True)
class MetaFormerFamily:
    """The networks of a published recipe. Only the stages' norms are a choice."""

    recipe: NetworkRecipe
    channels_first: ClassVar = False
    network_class: ClassVar[type[nn.Module]] = network.MetaFormer

    @property
    def norm(self) -> str:
        return self.recipe.norm

    @property
    def norms(self) -> Collection[str]:
        return network.TOKEN_NORMS

    def canonical(self, blueprint: Blueprint) -> Blueprint:
        """Return the empty blueprint. Raises ParameterError for any other: a published recipe has its own."""
        if blueprint:
            fields = ", ".join(blueprint.to_dict())
            raise ParameterError(
                f"blueprint {fields}: a published recipe fixes these fields; only recipe plain lets them be chosen"
            )
        return blueprint

    def mixer_defaults(self, mixer: str, stage: Stage, blueprint: Blueprint) -> Mapping[str, Option]:
        return self.recipe.mixer_options.get(mixer, {})

    def stem_stride(self, architecture: Architecture, model_input: ModelInput) -> int:
        """Return the largest stride, the published one or smaller, that leaves the last stage 2x2 tokens.

        Raises ParameterError for an input that is too small.
        """
        return largest_stride(network.STEM_KERNEL, network.STEM_PADDINGS, len(architecture.stages), model_input)

    def grids(self, architecture: Architecture, model_input: ModelInput) -> list[tuple[int, int]]:
        stride = self.stem_stride(architecture, model_input)
        convolution = (network.STEM_KERNEL, stride, network.STEM_PADDINGS[stride])
        return stage_grids(model_input, [convolution], len(architecture.stages))

    def stem(self, architecture: Architecture, model_input: ModelInput) -> Part:
        stride = self.stem_stride(architecture, model_input)
        arguments = (model_input.channels, architecture.stages[0].width, stride, self.recipe)
        return Part(network.Stem, arguments)

    def stage(self, architecture: Architecture, index: int, model_input: ModelInput, mixer: Part) -> Part:
        stage = architecture.stages[index]
        downsample = IDENTITY
        if index > 0:
            downsample = Part(network.Downsample, (architecture.stages[index - 1].width, stage.width, self.recipe))
        grid = self.grids(architecture, model_input)[index]
        position = Part(network.Position, (stage.width, grid)) if stage.position else IDENTITY
        total_depth = sum(stage.depth for stage in architecture.stages)
        settings = {
            "norm": self._norm(stage),
            "mlp_ratio": stage.mlp_ratio,
            "layer_scale": (1e-5 if total_depth <= MAX_SHALLOW_DEPTH else 1e-6) if self.recipe.layer_scale else None,
            "res_scale": self.has_res_scale(index),
        }
        block = Part(network.Block, (mixer, stage.width, self.recipe), settings)
        return Part(network.Stage, (downsample, position, Repeated(block, stage.depth)))

    def head(self, architecture: Architecture, model_input: ModelInput) -> Part:
        last = architecture.stages[-1]
        arguments = (last.width, model_input.classes, self.recipe)
        return Part(network.Head, arguments, {"norm": self._norm(last)})

    def has_res_scale(self, index: int) -> bool:
        """Whether the residual connections of stage `index` are scaled."""
        return self.recipe.res_scale and index >= FIRST_SCALED_STAGE

    def _norm(self, stage: Stage) -> str:
        norm = stage.norm or self.recipe.norm
        if norm not in network.TOKEN_NORMS:
            raise UnknownNameError("norm", norm, network.TOKEN_NORMS)
        return norm
