"""Two searches on one machine, each with its own database: do they measure the same of the same 20 networks?"""

import multiprocessing
import statistics
from typing import Any

from benchmarks.latency.networks import calibrated, measured, members, noise, print_verdict

spawn = multiprocessing.get_context("spawn")
COUNT, WANTED = 20, 0.02


def measure_all(found: Any, order: int) -> None:
    """A search's measurements beside the other one's."""
    meter = calibrated("cpu")
    chosen = members(COUNT, seed=3)[::order]
    found.put((order, [measured(meter, each).median for each in chosen][::order]))


def main() -> None:
    print(f"\ntwo processes measure the same {COUNT} networks at the same time, as two searches with a database each")
    before = noise()
    found = spawn.Queue()
    both = [spawn.Process(target=measure_all, args=(found, order)) for order in (1, -1)]
    for process in both:
        process.start()
    results = dict(found.get() for _ in both)
    for process in both:
        process.join()
    # Neighbours that came meanwhile are seen by looking again.
    judges = print_verdict(max(before, noise()))
    off = [abs(a / b - 1) for a, b in zip(results[1], results[-1], strict=True)]
    agree = sum(each <= WANTED for each in off)
    print(f"they differ by {statistics.median(off):.1%}, at most {max(off):.1%}; {agree} of {COUNT} agree")
    print(f"wanted: all within {WANTED:.0%}{'' if judges else ' (not judged)'}")
