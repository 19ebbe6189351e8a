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
    "Stage",
    "Stem",
    "mixer_label",
    "total_cost",
]
