"""Meters for a command's targets, set up from its options."""

from collections.abc import Sequence

import click
from click.core import ParameterSource

from nas.errors import ParameterError
from nas.latency.meter import Meter, load_meter


def requested_meters(targets: Sequence[str], precision: float, limit_s: float, ray_address: str | None) -> list[Meter]:
    """Load a meter for each target, with the requested precision and time limit.

    Raises ParameterError for a limit that is not positive and for a --ray-address that no target needs (in the
    environment an address may be meant for other commands), and what `load_meter` raises.
    """
    if not 0 < limit_s < float("inf"):
        raise ParameterError(f"--time-limit {limit_s:g} is not a positive number of seconds")
    is_given = click.get_current_context().get_parameter_source("ray_address") is ParameterSource.COMMANDLINE
    if is_given and not any("@" in target for target in targets):
        raise ParameterError(
            f"--ray-address {ray_address!r} needs a target on a node of the cluster, such as --target {targets[0]}@NODE"
        )
    return [load_meter(target, ray_address).precise(precision, limit_s) for target in targets]
