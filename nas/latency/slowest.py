"""The slowest members of a space, measured on a target, and the space size that a latency limit allows."""

import logging

from nas.architecture import ModelInput
from nas.latency.meter import Deployment, LatencyRecord, Meter, calibrated, load_meter, measure
from nas.results.settings import ComparableSettings
from nas.space import SearchSpace
from nas.space.size import DECLARED, fitting_size, largest_of_each_mixer, size_hint, sized, split_size

# Enough for two significant digits.
PRECISION, LIMIT_S = 0.03, 0.3
_LOG = logging.getLogger("nas.slowest")


def slowest_ms(space: SearchSpace, model_input: ModelInput, meter: Meter, record: LatencyRecord) -> float | None:
    """Return the highest latency among the largest member of each mixer, recorded or measured now.

    None where the machine is too busy for a usable measurement.
    """
    latencies_ms = []
    for member in largest_of_each_mixer(space):
        try:
            measurement = measure(Deployment(member, model_input), meter, record)
        except Exception as error:  # The trial of such an architecture records the failure.
            _LOG.warning("%s could not be measured: %s: %s", member.layout, type(error).__name__, error)
            continue
        if measurement.is_usable:
            latencies_ms.append(measurement.median)
    return max(latencies_ms, default=None)


def room_hint(
    space: SearchSpace, settings: ComparableSettings, record: LatencyRecord, ray_address: str | None
) -> str | None:
    """Return a one-line hint if the study's latency limit leaves room for a larger size of its space; else None."""
    limit_ms = settings.limits.max_latency_ms
    if limit_ms is None:
        return None
    slowest = slowest_ms(space, settings.latency_input, _meter(settings, record, ray_address), record)
    return None if slowest is None else size_hint(slowest, limit_ms, split_size(space.name)[1])


def size_for(space: SearchSpace, settings: ComparableSettings, record: LatencyRecord, ray_address: str | None) -> str:
    """Return the smallest size of the space whose slowest member reaches the study's latency limit."""
    limit_ms = settings.limits.max_latency_ms
    if limit_ms is None:
        return DECLARED
    meter = _meter(settings, record, ray_address)

    def slowest(size: str) -> float:
        return slowest_ms(sized(space, size).for_pictures(settings.input), settings.latency_input, meter, record) or 0.0

    return fitting_size(slowest, limit_ms)


def _meter(settings: ComparableSettings, record: LatencyRecord, ray_address: str | None) -> Meter:
    """Return the calibrated meter of the study's first target."""
    return calibrated(load_meter(settings.target, ray_address).precise(PRECISION, LIMIT_S), record)
