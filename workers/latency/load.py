"""Targets by name."""

from nas import plugins
from nas.errors import ParameterError
from workers.latency.target import Target


def load_target(name: str) -> Target:
    """The target of a `NAME[:option=value,...]`. Raises UnknownNameError or ParameterError."""
    plugin, colon, options = name.partition(":")
    if colon and not options:
        raise ParameterError(f"target {name!r} has no option after its colon; valid: {plugin} or {plugin}:option=value")
    target: Target = plugins.load(plugins.TARGETS, plugin)(options)
    return target
