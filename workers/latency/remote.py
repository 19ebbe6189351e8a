"""Measuring on another machine: a Ray node that advertises the resource `target:NODE`, asked for as `TARGET@NODE`."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import ray
from ray.exceptions import RayTaskError

from nas.architecture import ModelInput
from nas.errors import ParameterError
from nas.latency.meter import Comparison, Network
from nas.objective import Measurement
from workers.latency import reference
from workers.latency.estimate import Effort
from workers.latency.meter import Meter
from workers.ray.environment import connect

RESOURCE = "target:"
# Any number of searches may use a node: its measurement lock makes them take turns.
SHARE = 0.001
# A call that fails because its process died or its node was away is made again in the next process.
MAX_ATTEMPTS = 3


class MeterHost:
    """The process on the node, which keeps prepared meters between measurements."""

    def __init__(self) -> None:
        self._meters: dict[str, Meter] = {}

    def ask(self, meter: Meter, member: str, *arguments: Any) -> Any:
        """The result of the meter's method, or the value of its property."""
        kept = self._meters.setdefault(repr(meter), meter)
        value = getattr(kept, member)
        return value(*arguments) if callable(value) else value


@dataclass(frozen=True)
class RemoteMeter:
    """A nas.latency.meter.Meter whose calls are those of the Meter on the node.

    Raises ParameterError when the cluster at `address` has no such node, or the target does not work there.
    """

    target_name: str
    node: str
    address: str
    reference_key: ClassVar = reference.KEY
    recorded_ms: float | None = None
    effort: Effort = field(default_factory=Effort)

    def measure(self, network: Network) -> Measurement:
        measurement: Measurement = self._ask("measure", network)
        return measurement

    def compare(self, one: Network, other: Network) -> Comparison:
        comparison: Comparison = self._ask("compare", one, other)
        return comparison

    def calibrate(self) -> Measurement:
        measurement: Measurement = self._ask("calibrate")
        return measurement

    def energy_mj(self, network: Network) -> float:
        energy_mj: float = self._ask("energy_mj", network)
        return energy_mj

    def on_scale(self, recorded_ms: float) -> "RemoteMeter":
        return self._with(recorded_ms=recorded_ms)

    def precise(self, precision: float, limit_s: float) -> "RemoteMeter":
        return self._with(effort=replace(self.effort, precision=precision, limit_s=limit_s))

    def fingerprint(self, model_input: ModelInput) -> dict[str, str | int]:
        fingerprint: dict[str, str | int] = self._ask("fingerprint", model_input)
        return fingerprint

    @property
    def reference_fingerprint(self) -> dict[str, str | int]:
        fingerprint: dict[str, str | int] = self._ask("reference_fingerprint")
        return fingerprint

    @property
    def size_px(self) -> int | None:
        size_px: int | None = self._ask("size_px")
        return size_px

    def _with(self, **changes: Any) -> "RemoteMeter":
        """The changed meter, served by the same host, which ends with the process that asked first."""
        other = replace(self, **changes)
        other.__dict__["_host"] = self._host
        return other

    def _ask(self, member: str, *arguments: Any) -> Any:
        meter = Meter(self.target_name, self.recorded_ms, self.effort)
        try:
            return ray.get(self._host.ask.remote(meter, member, *arguments))
        except RayTaskError as error:
            raise error.cause from error

    @cached_property
    def _host(self) -> Any:
        connect(self.address)
        advertised = sorted(
            name.removeprefix(RESOURCE) for name in ray.cluster_resources() if name.startswith(RESOURCE)
        )
        if self.node not in advertised:
            raise ParameterError(
                f"target '{self.target_name}@{self.node}': no node of the Ray cluster at {self.address} advertises the "
                f"resource '{RESOURCE}{self.node}'; valid: {', '.join(advertised) or 'none'}"
            )
        retries = {"max_restarts": -1, "max_task_retries": MAX_ATTEMPTS - 1}
        share = {f"{RESOURCE}{self.node}": SHARE}
        return ray.remote(MeterHost).options(num_cpus=0, resources=share, **retries).remote()
