"""Latency measurement: once per architecture and fingerprint, recorded, scaled to one time of a reference network."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from nas import plugins
from nas.architecture import Architecture, ModelInput
from nas.builder import Builder
from nas.errors import ParameterError
from nas.latency.measured_key import measured_key
from nas.objective import UNKNOWN_HALF_WIDTH, Measurement

if TYPE_CHECKING:
    from torch import nn


class LatencyRecord(Protocol):
    """The recorded measurements: the store."""

    def measurement(self, key: str, fingerprint: Mapping[str, Any]) -> Measurement | None:
        """Return the latest measurement of an architecture or the reference network, by key; None without one."""

    def add_measurement(self, key: str, measurement: Measurement, architecture: Architecture | None = None) -> None: ...


@dataclass(frozen=True)
class Comparison:
    """The latency ratio of two networks measured by turns, and its 95% confidence interval.

    `rounds` counts the rounds that were used, `discarded` the disturbed ones.
    """

    ratio: float
    low: float
    high: float
    rounds: int
    discarded: int

    def to_dict(self) -> dict[str, float]:
        """Return the fields as JSON values; `discarded` keeps its public key, `thrown`."""
        return {"thrown" if name == "discarded" else name: value for name, value in vars(self).items()}


class Network(Protocol):
    """A network that can be measured: pickled, sent to the target and built there."""

    @property
    def model_input(self) -> ModelInput:
        """The input that the network is built for."""

    def build(self) -> "nn.Module":
        """Build the network with any weights, which do not affect latency. It takes x_BCHW of any batch size."""


class Meter(Protocol):
    """Measures networks on one target. It is made from the target's name, and pickled to measure elsewhere."""

    @property
    def reference_key(self) -> str:
        """The key of the reference network's measurements."""

    def measure(self, network: Network) -> Measurement:
        """Measure the network in evaluation mode, by turns with the reference network."""

    def compare(self, one: Network, other: Network) -> Comparison:
        """Measure two networks by turns."""

    def calibrate(self) -> Measurement:
        """Measure the reference network for long, or take the machine's known time; the result is recorded."""

    def energy_mj(self, network: Network) -> float:
        """Return the millijoules of one image's inference.

        Raises ParameterError where the hardware does not report energy.
        """

    def on_scale(self, recorded_ms: float) -> "Meter":
        """Return a meter whose figures are scaled to this time of the reference network."""

    def precise(self, precision: float, limit_s: float) -> "Meter":
        """Return a meter that measures until the relative half-width is `precision`, or for `limit_s`."""

    def fingerprint(self, model_input: ModelInput) -> Mapping[str, str | int]:
        """Return the fingerprint of this meter's figures; only those with equal fingerprints are comparable."""

    @property
    def reference_fingerprint(self) -> Mapping[str, str | int]:
        """The fingerprint of the reference network's figures."""

    @property
    def size_px(self) -> int | None:
        """The input size in the target's name, if any."""


def load_meter(target: str, ray_address: str | None = None) -> Meter:
    """Load the meter of a `TARGET`, or of a `TARGET@NODE` of the Ray cluster at `ray_address`.

    Raises UnknownNameError or ParameterError for a target that is unknown or unavailable here.
    """
    runtime, at, node = target.partition("@")
    if at and not (runtime and node):
        raise ParameterError(f"target {target!r} must be NAME or NAME@NODE, with the name of a target and of a node")
    plugins.check(plugins.TARGETS, runtime.partition(":")[0])
    if not at:
        meter: Meter = plugins.load(plugins.METERS, "latency")(target)
        return meter
    if ray_address is None:
        raise ParameterError(f"target {target!r} needs --ray-address: the cluster whose node serves target:{node}")
    remote: Meter = plugins.load(plugins.METERS, "elsewhere")(runtime, node, ray_address)
    return remote


def calibrated(meter: Meter, record: LatencyRecord) -> Meter:
    """Scale the meter to the recorded time of the reference network, which is measured now if it was not before."""
    reference = record.measurement(meter.reference_key, meter.reference_fingerprint)
    if reference is None:
        reference = meter.calibrate()
        record.add_measurement(meter.reference_key, reference)
    return meter.on_scale(reference.median)


def recorded(
    record: LatencyRecord, architecture: Architecture, fingerprints: Mapping[str, Mapping[str, Any]]
) -> dict[str, Measurement]:
    """Return the usable measurements of an architecture on each target; `fingerprints` are by target."""
    key = measured_key(architecture)
    latest = {target: record.measurement(key, fingerprint) for target, fingerprint in fingerprints.items()}
    return {
        target: measurement
        for target, measurement in latest.items()
        if measurement is not None and measurement.is_usable
    }


def input_on(meter: Meter, model_input: ModelInput) -> ModelInput:
    """Return the input on the meter's target: `model_input`, unless the target's name includes a size."""
    return model_input if meter.size_px is None else model_input.resized(meter.size_px)


@dataclass(frozen=True)
class Deployment:
    """An architecture with the input of its deployment: a Network."""

    architecture: Architecture
    model_input: ModelInput
    builder: str = plugins.BUILDER

    def build(self) -> "nn.Module":
        """Build the network as deployed, with fresh weights and batch norms folded."""
        builder: Builder = plugins.load(plugins.BUILDERS, self.builder)
        return builder.folded(builder.build(self.architecture, self.model_input))

    def on(self, meter: Meter) -> "Deployment":
        """Return the deployment at the input of the meter's target."""
        return replace(self, model_input=input_on(meter, self.model_input))


def measure(
    deployment: Deployment,
    meter: Meter,
    record: LatencyRecord,
    *,
    precision: float = UNKNOWN_HALF_WIDTH,
    again: bool = False,
) -> Measurement:
    """Return the recorded measurement if it reaches `precision` (a relative half-width), else measure and record.

    With `again`, always measure.
    """
    deployment = deployment.on(meter)
    key = measured_key(deployment.architecture)
    known = record.measurement(key, meter.fingerprint(deployment.model_input))
    if known is not None and known.is_usable and known.relative_half_width <= precision and not again:
        return known
    measurement = meter.measure(deployment)
    record.add_measurement(key, measurement, deployment.architecture)
    return measurement


def compare(one: Deployment, other: Deployment, meter: Meter) -> Comparison:
    """Compare the latencies of two deployments on the meter's target. The result is not recorded."""
    return meter.compare(one.on(meter), other.on(meter))
