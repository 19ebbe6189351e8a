"""Cost to the trainers of measurements under the measurement lock, at one measurement per EVERY_S and trainer.

Stretches with and without measurements take turns within one run of the trainers.
"""

import statistics
import time
from collections.abc import Sequence

from benchmarks.latency.networks import calibrated, measured, members, noise, print_verdict, targets_here, trains_on
from benchmarks.latency.trainers import count_on, trainers

EVERY_S = 30.0
# Stretches of either kind by default.
REPEATS = 4


def main(targets: Sequence[str] = (), repeats: int | None = None) -> None:
    for target in targets or targets_here():
        _judge(target, trains_on(target), repeats or REPEATS)


def _judge(target: str, device: str, repeats: int) -> None:
    trainer_count = count_on(device)
    print(f"\n{trainer_count} trainers, and one measurement of target {target} per {EVERY_S:.0f} s and trainer")
    meter, networks = calibrated(target), members(2 * repeats, seed=1)
    before = noise(target)
    rates: dict[bool, list[float]] = {False: [], True: []}
    with trainers(device, stands_aside=True) as polite:
        steps = polite.steps
        for stretch, network in enumerate(networks):
            measuring = stretch % 2 == 1
            started, steps_before = time.perf_counter(), steps.value
            while (passed := time.perf_counter() - started) < EVERY_S:
                if measuring and passed >= 1.0:
                    for _ in range(trainer_count):
                        measured(meter, network)
                    measuring = False
                time.sleep(0.05)
            rates[stretch % 2 == 1].append((steps.value - steps_before) / (time.perf_counter() - started))
    lost = 1 - statistics.median(rates[True]) / statistics.median(rates[False])
    for kind, values in rates.items():
        print(f"steps per second {'with' if kind else 'without'}: {', '.join(f'{rate:.1f}' for rate in values)}")
    is_quiet = print_verdict(before, noise(target))
    print(f"lost to measurements: {lost:.1%} (wanted: at most 3%{'' if is_quiet else '; not judged'})")
