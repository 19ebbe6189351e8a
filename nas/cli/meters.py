"""The meter that a command measures with, from its options."""

from nas.errors import ParameterError
from nas.latency import Meter, load_meter


def asked_meter(target: str, precision: float, limit_s: float, ray_address: str | None) -> Meter:
    """Raises ParameterError for a limit or an address that makes no sense, and what `load_meter` raises."""
    if not 0 < limit_s < float("inf"):
        raise ParameterError(f"--time-limit {limit_s:g} is not a positive number of seconds")
    if ray_address is not None and "@" not in target:
        raise ParameterError(
            f"--ray-address {ray_address!r} is for a target that a node serves, as --target {target}@NODE"
        )
    return load_meter(target, ray_address).precise(precision, limit_s)
