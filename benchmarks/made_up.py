"""Tables of results that are made up, dense where real ones are sparse. `python -m benchmarks.made_up FOLDER`

A sampler that may propose any member of a space is judged fairly by tables that hold all of them: stages of mixers and
depths, a cell of six edges with an operation each, parameters that have no option in common. Luck disturbs some.
"""

import argparse
import csv
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

MIXERS = ("pool", "conv", "attention")
# Milliseconds of a block; attention costs more, the more tokens a stage has.
BLOCK_MS = {"pool": 0.05, "conv": 0.22, "attention": 0.3}
TOKENS = (2.2, 1.3, 0.6, 0.6)
# Accuracy and milliseconds that each operation adds to a cell.
OPERATIONS = {"none": (0.0, 0.0), "skip": (0.35, 0.02), "conv1": (0.7, 0.3), "conv3": (1.0, 1.0), "pool": (0.25, 0.25)}
EDGES = ("e01", "e02", "e12", "e03", "e13", "e23")
# Options of the parameters that have none in common.
SIZES = (4, 5, 6, 3, 7, 2)

Rows = Iterator[tuple[Sequence[object], float, float]]


def stages() -> Rows:
    """Yield networks of four stages: convolutions early and attention late are good together, each alone a little."""
    for mixers in itertools.product(MIXERS, repeat=4):
        for depths in itertools.product((1, 2), repeat=4):
            for first, last in itertools.product((16, 24, 32), (48, 72, 96)):
                pairs = list(zip(mixers, depths, strict=True))
                blocks = sum(depths)
                conv, attention = (sum(d for m, d in pairs if m == mixer) / blocks for mixer in MIXERS[1:])
                early, late = mixers[:2].count("conv"), mixers[2:].count("attention")
                quality = 0.55 * conv + 0.35 * attention + 0.15 * early + 0.12 * late * (early > 0)
                quality += 0.05 * math.log(blocks) + 0.12 * math.log(first / 16) + 0.1 * math.log(last / 48)
                widths = (first / 24, first / 24, last / 72, last / 72)
                ms = 0.4 + sum(
                    BLOCK_MS[mixer] * (tokens if mixer == "attention" else 1) * depth * width
                    for (mixer, depth), tokens, width in zip(pairs, TOKENS, widths, strict=True)
                )
                row = [*itertools.chain.from_iterable(pairs), first, last]
                yield row, 0.68 + 0.12 * (1 - math.exp(-1.3 * quality)), ms


def cell() -> Rows:
    """Yield cells of NAS-Bench-201: four nodes, an operation on the edge of each two. Without a path a cell guesses."""
    for row in itertools.product(OPERATIONS, repeat=len(EDGES)):
        e01, e02, e12, e03, e13, e23 = (OPERATIONS[operation][0] for operation in row)
        second = e02 + (e01 > 0) * e12 * 0.8
        third = e03 + (e01 > 0) * e13 * 0.9 + (second > 0) * e23
        good = 0.82 * (1 - math.exp(-1.6 * (third + 0.3 * second + 0.2 * e01))) if third > 0 else 0.0
        yield row, 0.1 + good, 1 + sum(OPERATIONS[operation][1] for operation in row) + 0.2 * row[:3].count("conv3")


def unlike() -> Rows:
    """Yield members whose options, and pairs of options, each have an effect of their own; milliseconds add up."""
    generator = np.random.default_rng(3)
    effects = [generator.normal(size=size) for size in SIZES]
    pairs = {
        (one, other): generator.normal(size=(SIZES[one], SIZES[other])) * 0.6
        for one in range(len(SIZES))
        for other in range(one)
    }
    costs = [np.abs(generator.normal(size=size)) for size in SIZES]
    for places in itertools.product(*map(range, SIZES)):
        quality = sum(effect[place] for effect, place in zip(effects, places, strict=True))
        quality += sum(effect[places[one], places[other]] for (one, other), effect in pairs.items())
        ms = 0.5 + sum(cost[place] for cost, place in zip(costs, places, strict=True))
        yield [f"p{number}o{place}" for number, place in enumerate(places)], 1 / (1 + math.exp(-quality / 3)), float(ms)


NAMES = {
    stages: [*(f"s{number}.{field}" for number in range(1, 5) for field in ("mixer", "depth")), "w1", "w4"],
    cell: EDGES,
    unlike: [f"p{number}" for number in range(len(SIZES))],
}
# Standard deviation of the luck that is added to each accuracy, and its seed.
TABLES = ((stages, 0.0, 0), (stages, 0.012, 2), (cell, 0.0, 0), (cell, 0.01, 1), (unlike, 0.0, 0))


def write_table(path: Path, names: Iterable[str], rows: Rows, luck: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"param:{name}" for name in names), "accuracy", "latency_ms"])
        for row, accuracy, ms in rows:
            noisy = min(0.99, max(0.05, accuracy + luck * generator.normal()))
            writer.writerow([*row, f"{noisy:.5f}", f"{ms:.5f}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for make, luck, seed in TABLES:
        path = folder / f"{make.__name__}{f'_luck{luck:g}' if luck else ''}.csv"
        write_table(path, NAMES[make], make(), luck, seed)
        print(path)


if __name__ == "__main__":
    main()
