"""Networks that the parts measure: random members of hybrid at 28 px, and the machine's own noise beside them."""

import random
import statistics
import time
from collections.abc import Callable, Sequence

import torch

from nas.architecture import Architecture, ModelInput
from nas.evaluation import EvaluationOptions
from nas.latency.meter import Deployment
from nas.objective import Measurement
from nas.space.loading import load_space
from workers.latency.load import load_target
from workers.latency.measurement_lock import MACHINE, MeasurementLock
from workers.latency.meter import Meter
from workers.latency.reference import Reference

INPUT = ModelInput(channels=1, height_px=28, width_px=28, classes=10)
# Noise of the reference network alone above which a run refuses to judge.
MAX_NOISE = 0.03
NOISE_READINGS = 10


def targets_here() -> tuple[str, ...]:
    """Return torch's targets on this machine: kernels launched by Python, and by a graph, where there is a GPU."""
    return ("cpu", "cuda", "cuda-graph") if torch.cuda.is_available() else ("cpu",)


def trains_on(target_name: str) -> str:
    """Return the device whose trainers disturb the target."""
    return "cpu" if load_target(target_name).lock_domain == MACHINE else "cuda"


def members(count: int, seed: int) -> list[Architecture]:
    """Draw distinct members at random."""
    space = load_space("hybrid")
    architectures: dict[str, Architecture] = {}
    generator = random.Random(seed)
    while len(architectures) < count:
        member = space.sample(generator)
        architectures[member.key] = member
    return list(architectures.values())


def measured(meter: Meter, architecture: Architecture) -> Measurement:
    return meter.measure(Deployment(architecture, INPUT))


def calibrated(target: str, limit_s: float = 0.3) -> Meter:
    """Return a meter on the machine's scale, as searches have it; by default with a search's precision and time."""
    meter = Meter(target).precise(EvaluationOptions().latency_precision, limit_s)
    return meter.on_scale(meter.calibrate().median)


def cv(values: Sequence[float]) -> float:
    """Return the coefficient of variation."""
    return statistics.stdev(values) / statistics.fmean(values)


def reference_timer(target_name: str) -> Callable[[], float]:
    """Return a function that times the reference network alone, in milliseconds, nothing discarded or scaled."""
    target = load_target(target_name)
    run = target.prepare(Reference().build(), Reference.model_input)

    def read_ms() -> float:
        with MeasurementLock(target.lock_domain).exclusive():
            return float(statistics.median(run() for _ in range(200)))

    return read_ms


def noise(target_name: str = "cpu") -> float:
    """Return the coefficient of variation of the reference network's time between readings."""
    read_ms = reference_timer(target_name)
    readings = []
    for _ in range(NOISE_READINGS):
        readings.append(read_ms())
        time.sleep(0.3)
    return cv(readings)


def print_verdict(*noises: float) -> bool:
    """Print the machine's noise at each reading; return whether it is quiet enough to judge by."""
    quiet = max(noises) <= MAX_NOISE
    figures = ", ".join(f"{value:.1%}" for value in noises)
    print(
        f"the machine's noise (looks at the reference network alone): {figures}; "
        + ("quiet enough to judge" if quiet else f"over {MAX_NOISE:.0%}: this run does not judge")
    )
    return quiet
