"""The samplers that a comparison names."""

from nas import plugins
from nas.errors import ParameterError

ALL = "all"
# The default of our searches, and Optuna's own for several objectives: they come first in a comparison.
FIRST = ("ehvi", "tpe")


def parse_samplers(text: str) -> list[str]:
    """Parse names of samplers separated by commas, or `all` for every registered one.

    All are in the order of the registry, but for those of FIRST. Raises ParameterError for a name that is unknown or
    given twice.
    """
    valid = plugins.names(plugins.SAMPLERS)
    if text == ALL:
        return sorted(valid, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))
    names = text.split(",")
    for name in names:
        if name not in valid:
            raise ParameterError(f"--sampler {text!r}: {name!r} is not one of {', '.join(valid)}, or {ALL} alone")
        if names.count(name) > 1:
            raise ParameterError(f"--sampler {text!r} names {name!r} twice")
    return names
