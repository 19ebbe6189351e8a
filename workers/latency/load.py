"""Loading of targets by name."""

import socket
from collections.abc import Iterator
from typing import Any

from nas import plugins
from nas.errors import ParameterError
from nas.latency.machine import available_cores
from workers.latency.target import Target, parse_options


def load_target(name: str) -> Target[Any]:
    """Load the target of a `NAME[:option=value,...]`.

    Raises UnknownNameError, or ParameterError for wrong options and where this machine, which may be a cluster's node,
    cannot serve the target.
    """
    plugin, colon, text = name.partition(":")
    if colon and not text:
        raise ParameterError(f"target {name!r} has no option after its colon; valid: {plugin} or {plugin}:option=value")
    target_class = plugins.load(plugins.TARGETS, plugin)
    options = parse_options(plugin, text, target_class.valid)
    cores = available_cores()
    if options.threads > cores:
        raise ParameterError(
            f"option threads '{options.threads}' of target {plugin!r} is more than the {cores} cores that this "
            f"process may use on {socket.gethostname()}"
        )
    if reason := target_class.obstacle():
        here = ", ".join(other for other, obstacle in obstacles() if obstacle is None)
        raise ParameterError(f"target {plugin!r} does not work on {socket.gethostname()}: {reason}; valid: {here}")
    target: Target[Any] = target_class(options)
    return target


def obstacles() -> Iterator[tuple[str, str | None]]:
    """Every target's name with the reason why it does not work on this machine, None for one that does."""
    for name in plugins.names(plugins.TARGETS):
        yield name, plugins.load(plugins.TARGETS, name).obstacle()
