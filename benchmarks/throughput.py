"""Throughput of a proxy's training against a plain loop's.

`python -m benchmarks.throughput [--seeds K] [--network NAME]`

The same networks, data, schedule and batch size: ours (one thread on one core, data as uint8 in memory, augmentation on
tensors, a fused optimiser, the setting that a probe finds fastest, probe included) by turns with the fp32 loop with a
DataLoader that a user would write (benchmarks/end_to_end/plain.py), with torch's own threads, one for each core, and
with one. Images a second are printed per core; validation is included on both sides. Where there is a GPU: trials
an hour (gpu_throughput.py).
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks import gpu_throughput
from benchmarks.end_to_end import judge, plain
from benchmarks.report import mean_and_spread, print_header
from nas.architecture import Architecture, Stage
from nas.exports.training import TrainingRecipe
from nas.latency.meter import Deployment
from workers.data.dataset import ProxyData
from workers.training.loop import ResidentData

MIXERS = {
    "pool": ("pool",) * 4,
    "conv": ("conv",) * 4,
    "attention": ("attention",) * 4,
    "mixed": ("pool", "conv", "conv", "attention"),
}
DEPTHS, WIDTHS = (1, 1, 2, 1), (24, 32, 48, 72)
ARCHITECTURES = {
    name: Architecture(tuple(Stage(*fields) for fields in zip(mixers, DEPTHS, WIDTHS, strict=True)))
    for name, mixers in MIXERS.items()
}
EPOCHS, IMAGES, BATCH, RATE = 3, 4000, 32, 3e-3


class Timed(NamedTuple):
    """A training: its seconds times its cores, and its accuracy."""

    per_core_s: float
    accuracy: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--network", choices=ARCHITECTURES, nargs="+", default=list(ARCHITECTURES))
    arguments = parser.parse_args()
    architectures = {name: ARCHITECTURES[name] for name in arguments.network}
    print_header(
        f"a proxy's training against a plain loop: Fashion-MNIST, {EPOCHS} epochs of {IMAGES}, {arguments.seeds} seeds"
    )
    # By itself torch takes a thread for each core.
    plain_threads = sorted({torch.get_num_threads(), 1}, reverse=True)
    data = judge.data_of(arguments.data_dir, IMAGES, 0)
    resident = ResidentData(data, torch.device("cpu"))
    if torch.cuda.is_available():
        gpu_throughput.main(architectures, data, plain.Schedule(EPOCHS, BATCH, RATE), arguments.seeds)
        return
    medians: dict[int, list[float]] = {threads: [] for threads in plain_threads}
    for name, architecture in architectures.items():
        trainings: dict[int, list[Timed]] = {threads: [] for threads in (0, *plain_threads)}
        for seed in range(arguments.seeds):
            trainings[0].append(timed(partial(ours, resident, architecture, seed), 1))
            for threads in plain_threads:
                trainings[threads].append(timed(partial(theirs, data, architecture, seed), threads))
        print(f"{name}: ours {_summary(trainings[0])}", flush=True)
        for threads in plain_threads:
            ratios = [
                plain_loop.per_core_s / our_loop.per_core_s
                for plain_loop, our_loop in zip(trainings[threads], trainings[0], strict=True)
            ]
            medians[threads].append(statistics.median(ratios))
            print(
                f"  plain, {threads} threads: {_summary(trainings[threads])}; "
                f"ratio {medians[threads][-1]:.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
                flush=True,
            )
    for threads, ratios in medians.items():
        print(f"geometric mean of the ratios to {threads} threads: {statistics.geometric_mean(ratios):.2f} (wanted: 2)")


def ours(resident: ResidentData, architecture: Architecture, seed: int) -> float:
    return judge.trained(resident, TrainingRecipe(EPOCHS, BATCH, RATE), architecture, seed).accuracy


def theirs(data: ProxyData, architecture: Architecture, seed: int) -> float:
    torch.manual_seed(seed)
    model = Deployment(architecture, data.model_input).build()
    return plain.trained(model, data, plain.Schedule(EPOCHS, BATCH, RATE))


def timed(trained: Callable[[], float], threads: int) -> Timed:
    """Time a training on `threads` cores."""
    torch.set_num_threads(threads)
    started = time.perf_counter()
    accuracy = trained()
    return Timed((time.perf_counter() - started) * threads, accuracy)


def _summary(trainings: Sequence[Timed]) -> str:
    per_core = EPOCHS * IMAGES / statistics.median(training.per_core_s for training in trainings)
    accuracies = [training.accuracy for training in trainings]
    return f"{per_core:.0f} images a second and core, accuracy {mean_and_spread(accuracies)}"


if __name__ == "__main__":
    main()
