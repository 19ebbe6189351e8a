"""Architectures as data: stages, blueprint, input and cost."""

from nas.architecture.blueprint import MAX_KERNEL, MAX_STEM_CONVS, STEM_STRIDES, Blueprint, Stem
from nas.architecture.cost import Cost, PartCosts, total_cost
from nas.architecture.layout import (
    MLP_RATIO,
    NO_MIXER,
    RECIPE,
    SCHEMA_VERSION,
    Architecture,
    ModelInput,
    Option,
    Options,
    Stage,
    mixer_label,
)
from nas.architecture.picture_size import Sides, Size, sides_of, size_of

__all__ = [
    "MAX_KERNEL",
    "MAX_STEM_CONVS",
    "MLP_RATIO",
    "NO_MIXER",
    "RECIPE",
    "SCHEMA_VERSION",
    "STEM_STRIDES",
    "Architecture",
    "Blueprint",
    "Cost",
    "ModelInput",
    "Option",
    "Options",
    "PartCosts",
    "Sides",
    "Size",
    "Stage",
    "Stem",
    "mixer_label",
    "sides_of",
    "size_of",
    "total_cost",
]
