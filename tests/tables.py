"""Tables of recorded results, made up for tests: small spaces whose fronts are known."""

import itertools
import math
from pathlib import Path

import numpy as np

MIXERS = ("attention", "conv", "pool")


def write_table(file: Path, *, stages: int = 3, seed: int = 0, curves: bool = True, third: bool = False) -> Path:
    """Stages of a mixer and a depth each: global mixers are slow and good, and better after local ones."""
    generator = np.random.default_rng(seed)
    gain = {"pool": 0.0, "conv": 0.5, "attention": 0.8}
    cost = {"pool": 0.2, "conv": 0.5, "attention": 1.0}
    names = [f"param:stage{number}.{what}" for number in range(1, stages + 1) for what in ("mixer", "depth")]
    epochs = (1, 3, 9) if curves else ()
    heads = [*names, "accuracy", "latency_ms", *(["energy"] if third else [])]
    heads += [f"accuracy@{epoch}" for epoch in epochs] + [f"cost_s@{epoch}" for epoch in epochs] + ["feature:depth"]
    lines = [",".join(heads)]
    for member in itertools.product(itertools.product(MIXERS, (1, 2, 3)), repeat=stages):
        quality = sum(gain[mixer] * math.sqrt(depth) for mixer, depth in member)
        quality += 0.5 * sum(a == "conv" and b == "attention" for (a, _), (b, _) in itertools.pairwise(member))
        latency_ms = 0.5 + sum(cost[mixer] * depth for mixer, depth in member)
        accuracy = 0.9 - 0.5 * math.exp(-0.7 * quality) + float(generator.normal(0, 0.002))
        row = [str(value) for pair in member for value in pair] + [f"{accuracy:.5f}", f"{latency_ms:.4f}"]
        row += [f"{sum(depth for _, depth in member) * 0.7:.2f}"] if third else []
        row += [f"{accuracy - 0.3 / epoch + float(generator.normal(0, 0.01)):.5f}" for epoch in epochs[:-1]]
        row += [f"{accuracy:.5f}"] if epochs else []
        row += [f"{epoch * latency_ms:.3f}" for epoch in epochs] + [str(sum(depth for _, depth in member))]
        lines.append(",".join(row))
    file.write_text("\n".join(lines) + "\n")
    return file
