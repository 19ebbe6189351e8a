"""In-process timing of calls, which suits most targets."""

import resource
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from workers.latency.estimate import Estimate, Estimating, Run, calibration, estimate


def preemptions() -> int:
    """The number of times that the system took the processor away from this thread."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw


class InProcessTiming:
    """The timing part of a target, in this process and thread."""

    placed_alone: ClassVar = False

    @contextmanager
    def ready(self, run: Run, reference: Run) -> Iterator[Estimating]:
        # Compiling a network makes torch discard the compiled code of others.
        for call in (run, reference):
            call()
        yield lambda effort, recorded_ms: estimate(run, reference, effort, time.perf_counter, preemptions, recorded_ms)

    def calibrate(self, reference: Run, warm_up_s: float, limit_s: float) -> Estimate:
        return calibration(reference, warm_up_s, limit_s, time.perf_counter)


def __getattr__(name: str) -> Any:
    """Serve the former name, which targets of third parties subclass."""
    if name != "TimedHere":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn("workers.latency.timing.TimedHere is InProcessTiming now", DeprecationWarning, stacklevel=2)
    return InProcessTiming
