"""The old name of nas.samplers.ehvi.box_decomposition, for one release."""

from nas.samplers.deprecated import renamed_names

__getattr__ = renamed_names(__name__, "nas.samplers.ehvi.box_decomposition", {"Staircase": "BoxDecomposition"})
