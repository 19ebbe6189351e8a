"""The old name of nas.samplers.ehvi.acquisition, for one release."""

from nas.samplers.deprecated import renamed_names

__getattr__ = renamed_names(__name__, "nas.samplers.ehvi.acquisition", {"Landscape": "Acquisition"})
