"""Where calls are timed: in the process that asks, unless a target has a better place."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from workers.latency.estimate import Estimate, Estimating, Run, calibration, estimate


def preemptions() -> int:
    """How often the system took the processor away from this thread."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw


class InProcessTiming:
    """The part of a target that times, in this process and thread."""

    placed_alone: ClassVar = False

    @contextmanager
    def ready(self, run: Run, reference: Run) -> Iterator[Estimating]:
        # Compiling a network makes torch forget what it has compiled of others.
        for each in (run, reference):
            each()
        yield lambda effort, recorded_ms: estimate(run, reference, effort, time.perf_counter, preemptions, recorded_ms)

    def calibrate(self, reference: Run, warm_up_s: float, limit_s: float) -> Estimate:
        return calibration(reference, warm_up_s, limit_s, time.perf_counter)
