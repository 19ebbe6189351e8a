"""Latency measurement of any network on a target, by turns with the reference, alone on the machine."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import torch

from nas.architecture import ModelInput
from nas.errors import ParameterError, TooBigError
from nas.latency.meter import Comparison, Network
from nas.objective import LATENCY, Measurement
from workers.latency import reference
from workers.latency.energy import energy_counter
from workers.latency.estimate import MIN_ROUNDS, STEADY, Effort, Estimate, Run
from workers.latency.load import load_target
from workers.latency.machine_record import MachineRecord
from workers.latency.measurement_lock import MeasurementLock
from workers.latency.paired import MAX_PARTS, compared
from workers.latency.target import Target, lock_domain_of
from workers.memory import is_out_of_memory

# Counters are updated about every millisecond.
ENERGY_S = 1.0
CALIBRATION_WARM_UP_S, CALIBRATION_S = 0.3, 3.0
# Two networks that are placed within this time are placed again for each part of a comparison.
QUICK_PLACING_S = 1.0


@contextmanager
def threads_kept() -> Iterator[None]:
    """Restore torch's thread count, which targets set, for the other code in this process."""
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@dataclass(frozen=True)
class Meter:
    """A nas.latency.meter.Meter for the target of a `NAME[:option=value,...]`.

    `recorded_ms` is the reference network's recorded time, to which figures are scaled; without one they are not.
    Pickled without the target and the reference. Raises UnknownNameError or ParameterError at the first use.
    """

    target_name: str
    reference_key: ClassVar = reference.KEY
    recorded_ms: float | None = None
    effort: Effort = field(default_factory=Effort)

    def measure(self, network: Network) -> Measurement:
        with threads_kept(), self._placing():
            run, reference_run = self._placed(network), self._reference
            with self._fits(network):
                estimate = self._estimated(run, reference_run, self.effort, self.recorded_ms)
            return self._measurement(estimate, self.fingerprint(network.model_input))

    def calibrate(self) -> Measurement:
        """Time the reference, once for each fingerprint since the machine was started, by the first process to ask.

        Raises ParameterError on a machine so busy that the time would be no scale.
        """
        record = MachineRecord(self._lock.folder)
        with threads_kept(), self._placing():
            reference_run = self._reference
            with self._lock.exclusive():
                measurement = record.get(self.reference_fingerprint)
                if measurement is None or measurement.relative_half_width > STEADY:
                    estimate = self.target.calibrate(reference_run, CALIBRATION_WARM_UP_S, CALIBRATION_S)
                    measurement = self._measurement(estimate, self.reference_fingerprint)
                    if measurement.relative_half_width > STEADY:
                        raise ParameterError(
                            f"target {self.target_name!r}: this machine is too busy to measure on: the reference "
                            f"network's quickest calls differ by {2 * measurement.relative_half_width:.0%}; try again "
                            "when less runs here"
                        )
                    record.put(measurement)
            return measurement

    def compare(self, one: Network, other: Network) -> Comparison:
        """Compare two networks, each the other's reference; placed again for each part, unless that takes long."""
        effort = replace(self.effort, min_rounds=MIN_ROUNDS, limit_s=self.effort.limit_s / MAX_PARTS)
        with threads_kept():
            began = time.perf_counter()
            runs = self._placed(one), self._placed(other)
            is_quick = time.perf_counter() - began < QUICK_PLACING_S

            def part(*, swapped: bool) -> Estimate:
                # Some runtimes load a network when it is timed.
                with self._placing(), self._fits(one), self._fits(other):
                    first, second = (self._placed(one), self._placed(other)) if is_quick else runs
                    if swapped:
                        first, second = second, first
                    return self._estimated(first, second, effort, None)

            return compared(part, self.effort.precision)

    def energy_mj(self, network: Network) -> float:
        """Measure energy by the hardware's counter over ENERGY_S of inferences, idle consumption included."""
        with threads_kept():
            run = self._placed(network)
            with self._lock.exclusive():
                counter = energy_counter(lock_domain_of(self.target))
                # Some runtimes load or build a network at its first call.
                with self._fits(network):
                    run()
                end, times, before = time.perf_counter() + ENERGY_S, 0, counter()
                while time.perf_counter() < end:
                    run()
                    times += 1
                return (counter() - before) / times / self.target.options.batch

    def on_scale(self, recorded_ms: float) -> "Meter":
        return replace(self, recorded_ms=recorded_ms)

    def precise(self, precision: float, limit_s: float) -> "Meter":
        return replace(self, effort=replace(self.effort, precision=precision, limit_s=limit_s))

    def fingerprint(self, model_input: ModelInput) -> dict[str, str | int]:
        return self._fingerprint(f"{model_input.channels}x{model_input.height_px}x{model_input.width_px}")

    @property
    def reference_fingerprint(self) -> dict[str, str | int]:
        return self._fingerprint("reference")

    @property
    def size_px(self) -> int | None:
        return self.target.options.size_px

    @cached_property
    def target(self) -> Target[Any]:
        return load_target(self.target_name)

    def _measurement(self, estimate: Estimate, fingerprint: dict[str, str | int]) -> Measurement:
        return Measurement(
            LATENCY.name,
            LATENCY.unit,
            estimate.samples_ms,
            fingerprint,
            discarded=estimate.discarded,
            relative_half_width=estimate.relative_half_width,
            drift=estimate.drift,
            precision=self.effort.precision,
            taken_at=time.time(),
        )

    def _estimated(self, run: Run, reference_run: Run, effort: Effort, recorded_ms: float | None) -> Estimate:
        with ExitStack() as stack:
            with self._lock.shared():
                estimating = stack.enter_context(self.target.ready(run, reference_run))
            with self._lock.exclusive():
                return estimating(effort, recorded_ms)

    def _placing(self) -> AbstractContextManager[None]:
        """The context in which networks are placed and then timed."""
        return self._lock.exclusive() if self.target.placed_alone else nullcontext()

    def _placed(self, network: Network) -> Run:
        # Exporting and compiling are work like a trainer's: they would disturb a measurement.
        with self._lock.shared(), self._fits(network):
            run: Run = self.target.prepare(network.build(), network.model_input)
            return run

    @contextmanager
    def _fits(self, network: Network) -> Iterator[None]:
        """Translate errors of the block: TooBigError where memory runs out, ParameterError where it fails otherwise."""
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                reason = str(error).strip().splitlines() or [type(error).__name__]
                raise ParameterError(f"target {self.target_name!r} cannot run the network: {reason[0]}") from error
            size = f"{network.model_input.height_px}x{network.model_input.width_px} px"
            batch = self.target.options.batch
            raise TooBigError(
                f"target {self.target_name!r}: the network with a batch of {batch} at {size} does not fit in memory"
            ) from error

    def _fingerprint(self, input_name: str) -> dict[str, str | int]:
        return {**self.target.fingerprint(), "input": input_name, "reference": reference.KEY}

    @cached_property
    def _reference(self) -> Run:
        return self._placed(reference.Reference())

    @cached_property
    def _lock(self) -> MeasurementLock:
        return MeasurementLock(lock_domain_of(self.target))

    def __getstate__(self) -> dict[str, Any]:
        return {"target_name": self.target_name, "recorded_ms": self.recorded_ms, "effort": self.effort}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
