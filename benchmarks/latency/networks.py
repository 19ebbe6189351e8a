"""What the parts measure: random members of hybrid at 28 px, and the machine's own noise beside them."""

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
# The noise of the reference network alone, above which a run refuses to judge.
MAX_NOISE = 0.03
LOOKS = 10


def targets_here() -> tuple[str, ...]:
    """Those of torch on this machine: kernels launched by Python, and by a graph, where there is a GPU."""
    return ("cpu", "cuda", "cuda-graph") if torch.cuda.is_available() else ("cpu",)


def trains_on(target_name: str) -> str:
    """The device whose trainers disturb the target."""
    return "cpu" if load_target(target_name).lock_domain == MACHINE else "cuda"


def members(count: int, seed: int) -> list[Architecture]:
    """Distinct ones, drawn at random."""
    space = load_space("hybrid")
    found: dict[str, Architecture] = {}
    generator = random.Random(seed)
    while len(found) < count:
        member = space.sample(generator)
        found[member.key] = member
    return list(found.values())


def measured(meter: Meter, architecture: Architecture) -> Measurement:
    return meter.measure(Deployment(architecture, INPUT))


def calibrated(target: str, limit_s: float = 0.3) -> Meter:
    """A meter on the machine's scale, as searches have it; by default with a search's precision and time."""
    meter = Meter(target).precise(EvaluationOptions().latency_precision, limit_s)
    return meter.on_scale(meter.calibrate().median)


def cv(values: Sequence[float]) -> float:
    """The coefficient of variation."""
    return statistics.stdev(values) / statistics.fmean(values)


def looking(target_name: str) -> Callable[[], float]:
    """One look at the reference network's own time, nothing thrown away or scaled, in milliseconds."""
    target = load_target(target_name)
    run = target.prepare(Reference().build(), Reference.model_input)

    def look() -> float:
        with MeasurementLock(target.lock_domain).exclusive():
            return float(statistics.median(run() for _ in range(200)))

    return look


def noise(target_name: str = "cpu") -> float:
    """How much that varies from one look to the next."""
    look = looking(target_name)
    found = []
    for _ in range(LOOKS):
        found.append(look())
        time.sleep(0.3)
    return cv(found)


def print_verdict(*found: float) -> bool:
    """Whether the machine is quiet enough to judge by, at each moment that it was looked at."""
    quiet = max(found) <= MAX_NOISE
    print(
        f"the machine's noise (looks at the reference network alone): {', '.join(f'{each:.1%}' for each in found)}; "
        + ("quiet enough to judge" if quiet else f"over {MAX_NOISE:.0%}: this run does not judge")
    )
    return quiet
