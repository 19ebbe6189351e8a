"""The targets of a search: their meters and fingerprints, each target once."""

from collections.abc import Mapping, Sequence
from typing import Any

from nas.architecture import ModelInput
from nas.errors import ParameterError
from nas.latency.meter import Meter, load_meter

# The time limit of a measurement, for which all trainers of the machine wait.
MEASUREMENT_LIMIT_S = 0.3


def meters_of(targets: Sequence[str], ray_address: str | None, precision: float) -> dict[str, Meter]:
    """Load the targets' meters, by their names. Raises UserError for an unknown one, and one that is named twice."""
    if len(set(targets)) < len(targets):
        raise ParameterError(f"--target {', '.join(targets)}: each is needed once")
    return {name: load_meter(name, ray_address).precise(precision, MEASUREMENT_LIMIT_S) for name in targets}


def fingerprints_of(meters: Mapping[str, Meter], inputs: Mapping[str, ModelInput]) -> dict[str, dict[str, Any]]:
    """Take the fingerprint of each target for its input. Raises ParameterError where two names are of one target."""
    fingerprints = {name: dict(meter.fingerprint(inputs[name])) for name, meter in meters.items()}
    for fingerprint in fingerprints.values():
        same = [other for other in meters if fingerprints[other] == fingerprint]
        if len(same) > 1:
            raise ParameterError(f"--target {', '.join(same)}: they are the same target; each is needed once")
    return fingerprints
