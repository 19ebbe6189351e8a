"""How much faster is a proxy's training than a plain loop's?

`python -m benchmarks.throughput [--seeds K] [--network NAME]`

The same networks, data, schedule and batch size: ours (data as uint8 in memory, augmentation on tensors, a fused
optimiser, the setting that a probe finds fastest, probe included) by turns with the fp32 loop with a DataLoader that a
user would write (benchmarks/end_to_end/plain.py). One thread on one core, validation included on both sides. Where
there is a GPU: how many trials an hour (gpu_throughput.py).
"""

import argparse
import statistics
import time
from pathlib import Path

import torch

from benchmarks import gpu_throughput
from benchmarks.end_to_end import judge, plain
from benchmarks.report import mean_and_spread, print_header
from nas.architecture import Architecture, Stage
from nas.latency import Deployment
from workers.train import Recipe, ResidentData

WORDS = {
    "pool": ("pool",) * 4,
    "conv": ("conv",) * 4,
    "attention": ("attention",) * 4,
    "mixed": ("pool", "conv", "conv", "attention"),
}
DEPTHS, WIDTHS = (1, 1, 2, 1), (24, 32, 48, 72)
ARCHITECTURES = {
    name: Architecture(tuple(Stage(*each) for each in zip(mixers, DEPTHS, WIDTHS, strict=True)))
    for name, mixers in WORDS.items()
}
EPOCHS, IMAGES, BATCH, RATE = 3, 4000, 32, 3e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--network", choices=ARCHITECTURES, nargs="+", default=list(ARCHITECTURES))
    asked = parser.parse_args()
    architectures = {name: ARCHITECTURES[name] for name in asked.network}
    print_header(
        f"a proxy's training against a plain loop: Fashion-MNIST, {EPOCHS} epochs of {IMAGES}, {asked.seeds} seeds"
    )
    torch.set_num_threads(1)
    data = judge.data_of(asked.data_dir, IMAGES, 0)
    resident = ResidentData(data, torch.device("cpu"))
    model_input = data.model_input
    if torch.cuda.is_available():
        gpu_throughput.main(architectures, data, plain.Schedule(EPOCHS, BATCH, RATE), asked.seeds)
        return
    middle = []
    for name, architecture in architectures.items():
        ours_s, plain_s, ours, others = [], [], [], []
        for seed in range(asked.seeds):
            started = time.perf_counter()
            ours.append(judge.trained(resident, Recipe(EPOCHS, BATCH, RATE), architecture, seed).accuracy)
            ours_s.append(time.perf_counter() - started)
            torch.manual_seed(seed)
            model = Deployment(architecture, model_input).build()
            started = time.perf_counter()
            others.append(plain.trained(model, data, plain.Schedule(EPOCHS, BATCH, RATE)))
            plain_s.append(time.perf_counter() - started)
        ratios = [one / other for one, other in zip(plain_s, ours_s, strict=True)]
        middle.append(statistics.median(ratios))
        ours_rate, plain_rate = (EPOCHS * IMAGES / statistics.median(seconds) for seconds in (ours_s, plain_s))
        print(
            f"{name}: {ours_rate:.0f} images a second, plain {plain_rate:.0f}; ratio {middle[-1]:.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}); accuracy {mean_and_spread(ours)}, "
            f"plain {mean_and_spread(others)}",
            flush=True,
        )
    print(f"geometric mean of the ratios {statistics.geometric_mean(middle):.2f} (wanted: 2)")


if __name__ == "__main__":
    main()
