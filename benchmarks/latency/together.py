"""Two searches on one machine, each with its own database, and their latencies of the same 20 networks."""

import multiprocessing
import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.latency.networks import calibrated, cv, measured, members, print_verdict, reference_timer, targets_here

spawn = multiprocessing.get_context("spawn")
COUNT, MAX_DEVIATION = 20, 0.02


def measure_all(queue: Any, order: int, target: str) -> None:
    """Measure as one search beside the other, and read the machine's noise after each network."""
    meter, read_ms = calibrated(target), reference_timer(target)
    times, readings = [], []
    for architecture in members(COUNT, seed=3)[::order]:
        times.append(measured(meter, architecture).median)
        readings.append(read_ms())
    queue.put((order, times[::order], cv(readings)))


def main(targets: Sequence[str] = ()) -> None:
    for target in targets or targets_here():
        _judge(target)


def _judge(target: str) -> None:
    print(
        f"\ntwo processes, as two searches with their databases, measure the same {COUNT} networks at once on {target}"
    )
    queue = spawn.Queue()
    both = [spawn.Process(target=measure_all, args=(queue, order, target)) for order in (1, -1)]
    for process in both:
        process.start()
    results = [queue.get() for _ in both]
    for process in both:
        process.join()
    times = {order: latencies for order, latencies, _ in results}
    is_quiet = print_verdict(max(noise for *_, noise in results))
    deviations = [abs(a / b - 1) for a, b in zip(times[1], times[-1], strict=True)]
    agree = sum(deviation <= MAX_DEVIATION for deviation in deviations)
    print(
        f"they differ by {statistics.median(deviations):.1%}, at most {max(deviations):.1%}; {agree} of {COUNT} agree"
    )
    print(f"wanted: all within {MAX_DEVIATION:.0%}{'' if is_quiet else ' (not judged)'}")
