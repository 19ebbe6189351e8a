"""Two searches on one machine, each with its own database: do they measure the same of the same 20 networks?"""

import multiprocessing
import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.latency.networks import calibrated, cv, looking, measured, members, print_verdict, targets_here

spawn = multiprocessing.get_context("spawn")
COUNT, WANTED = 20, 0.02


def measure_all(found: Any, order: int, target: str) -> None:
    """A search's measurements beside the other one's, and a look at the machine's noise after each."""
    meter, look = calibrated(target), looking(target)
    times, looks = [], []
    for each in members(COUNT, seed=3)[::order]:
        times.append(measured(meter, each).median)
        looks.append(look())
    found.put((order, times[::order], cv(looks)))


def main(targets: Sequence[str] = ()) -> None:
    for target in targets or targets_here():
        _judge(target)


def _judge(target: str) -> None:
    print(
        f"\ntwo processes, as two searches with their databases, measure the same {COUNT} networks at once on {target}"
    )
    found = spawn.Queue()
    both = [spawn.Process(target=measure_all, args=(found, order, target)) for order in (1, -1)]
    for process in both:
        process.start()
    results = [found.get() for _ in both]
    for process in both:
        process.join()
    times = {order: latencies for order, latencies, _ in results}
    judges = print_verdict(max(noise for *_, noise in results))
    off = [abs(a / b - 1) for a, b in zip(times[1], times[-1], strict=True)]
    agree = sum(each <= WANTED for each in off)
    print(f"they differ by {statistics.median(off):.1%}, at most {max(off):.1%}; {agree} of {COUNT} agree")
    print(f"wanted: all within {WANTED:.0%}{'' if judges else ' (not judged)'}")
