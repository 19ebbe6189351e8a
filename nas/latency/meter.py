"""Latency on record: measured once per architecture and fingerprint, on the scale of one reference time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from nas import plugins
from nas.architecture import Architecture, ModelInput
from nas.builder import Builder
from nas.errors import ParameterError
from nas.objective import UNKNOWN_HALF_WIDTH, Measurement

if TYPE_CHECKING:
    from torch import nn


class LatencyRecord(Protocol):
    """What was measured before: the store."""

    def measurement(self, key: str, fingerprint: Mapping[str, Any]) -> Measurement | None:
        """The last one of an architecture, by its key, or of the reference network; None without one."""

    def add_measurement(self, key: str, taken: Measurement, architecture: Architecture | None = None) -> None: ...


@dataclass(frozen=True)
class Comparison:
    """How much slower one network is than another, measured by turns: the ratio and its 95% confidence interval."""

    ratio: float
    low: float
    high: float
    rounds: int
    thrown: int


class Network(Protocol):
    """What can be measured: pickled to where that is, and built there."""

    @property
    def model_input(self) -> ModelInput:
        """The input that it is built for."""

    def build(self) -> "nn.Module":
        """With any weights: latency does not depend on them. Images x_BCHW of any batch size."""


class Meter(Protocol):
    """Measures networks on one target. Made of the target's name; pickled to where it measures."""

    @property
    def reference_key(self) -> str:
        """The reference network's name on record."""

    def measure(self, network: Network) -> Measurement:
        """In evaluation mode, by turns with the reference."""

    def compare(self, one: Network, other: Network) -> Comparison:
        """Of two networks, by turns."""

    def calibrate(self) -> Measurement:
        """Of the reference network itself, at length, or as the machine has it: the time that is put on record."""

    def energy_mj(self, network: Network) -> float:
        """Millijoules of one image's inference. Raises ParameterError where the hardware does not report energy."""

    def on_scale(self, recorded_ms: float) -> "Meter":
        """The meter whose figures are at that time of the reference network."""

    def precise(self, precision: float, limit_s: float) -> "Meter":
        """The meter that goes on until the margin is `precision`, or for `limit_s`."""

    def fingerprint(self, model_input: ModelInput) -> Mapping[str, str | int]:
        """Only figures of equal fingerprints are comparable."""

    @property
    def reference_fingerprint(self) -> Mapping[str, str | int]:
        """Of the reference network's figures."""

    @property
    def size_px(self) -> int | None:
        """The input size that the target's name asks for."""


def load_meter(target: str, ray_address: str | None = None) -> Meter:
    """The meter of a `TARGET`, or of a `TARGET@NODE` of the Ray cluster at `ray_address`.

    Raises UnknownNameError or ParameterError for a target that there is not, or not here.
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
    elsewhere: Meter = plugins.load(plugins.METERS, "elsewhere")(runtime, node, ray_address)
    return elsewhere


def calibrated(meter: Meter, record: LatencyRecord) -> Meter:
    """The meter on the record's scale: at the reference's time there, which is taken now where there is none."""
    taken = record.measurement(meter.reference_key, meter.reference_fingerprint)
    if taken is None:
        taken = meter.calibrate()
        record.add_measurement(meter.reference_key, taken)
    return meter.on_scale(taken.median)


def recorded(record: LatencyRecord, key: str, fingerprints: Mapping[str, Mapping[str, Any]]) -> dict[str, Measurement]:
    """What is on record of an architecture, by its key, on the targets of these fingerprints, by their names."""
    found = {target: record.measurement(key, fingerprint) for target, fingerprint in fingerprints.items()}
    return {target: taken for target, taken in found.items() if taken is not None and taken.is_usable}


def input_on(meter: Meter, model_input: ModelInput) -> ModelInput:
    """The input on the meter's target: `model_input`, unless the target's name has a size."""
    return model_input if meter.size_px is None else model_input.resized(meter.size_px)


@dataclass(frozen=True)
class Deployment:
    """An architecture with the input that it is deployed at: a Network."""

    architecture: Architecture
    model_input: ModelInput
    builder: str = plugins.BUILDER

    def build(self) -> "nn.Module":
        """With fresh weights, batch norms folded: what is deployed is what is measured."""
        builder: Builder = plugins.load(plugins.BUILDERS, self.builder)
        return builder.folded(builder.build(self.architecture, self.model_input))

    def on(self, meter: Meter) -> "Deployment":
        """At the input that it is deployed at on the meter's target."""
        return replace(self, model_input=input_on(meter, self.model_input))


def measure(
    deployment: Deployment,
    meter: Meter,
    record: LatencyRecord,
    *,
    precision: float = UNKNOWN_HALF_WIDTH,
    again: bool = False,
) -> Measurement:
    """From the record where that is so precise, or measured now and put there; with `again` in any case."""
    deployment = deployment.on(meter)
    key = deployment.architecture.key
    known = record.measurement(key, meter.fingerprint(deployment.model_input))
    if known is not None and known.is_usable and known.relative_half_width <= precision and not again:
        return known
    taken = meter.measure(deployment)
    record.add_measurement(key, taken, deployment.architecture)
    return taken


def compare(one: Deployment, other: Deployment, meter: Meter) -> Comparison:
    """How much slower `one` is than `other` on the meter's target. Not put on record."""
    return meter.compare(one.on(meter), other.on(meter))
