"""Prediction of 100 networks after measuring at most 64 others, on each runtime.

The latency of a network changes by a percent or two from one quarter of an hour to the next. So all are measured in
a random order, those predicted REPEATS times, apart, and judged by the mean of their repeats; the rank correlation of
single repeats tells how much of the error is the judge's.
"""

import random
import statistics
from collections.abc import Sequence
from itertools import combinations

from scipy.stats import kendalltau

from benchmarks.latency.networks import INPUT, calibrated, measured, members, noise, print_verdict, targets_here
from nas import plugins
from nas.architecture import Architecture
from nas.latency import device_profile
from nas.latency.latency_model import LatencyModel, features
from nas.space.loading import load_space
from workers.latency.meter import Meter

MEASURED = 64
HELD_OUT, REPEATS = 100, 2
# `nas latency profile` takes up to 3 s for a network.
LIMIT_S = 1.5


def measure_shuffled(meter: Meter, architectures: Sequence[Architecture], seed: int) -> dict[str, float]:
    """Measure in a random order; return milliseconds by key."""
    order = list(architectures)
    random.Random(seed).shuffle(order)
    return {architecture.key: measured(meter, architecture).median for architecture in order}


def main(targets: Sequence[str] = ()) -> None:
    builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    chosen = device_profile.design(load_space("hybrid"), INPUT, builder, MEASURED, seed=0)
    measured_keys = {architecture.key for architecture in chosen}
    others = [member for member in members(HELD_OUT + MEASURED, seed=2) if member.key not in measured_keys][:HELD_OUT]
    for target in targets or (*targets_here(), "onnxruntime"):
        print(f"\npredictor of {len(chosen)} measured networks of hybrid on {target}, judged on {len(others)} others")
        meter = calibrated(target, LIMIT_S)
        before = noise(target)
        first = measure_shuffled(meter, (*chosen, *others), seed=0)
        rounds = [first, *(measure_shuffled(meter, others, seed) for seed in range(1, REPEATS))]
        rows = [features(architecture, INPUT, builder) for architecture in chosen]
        times = [first[architecture.key] for architecture in chosen]
        latency_model = LatencyModel(rows, times)
        predictions = [latency_model.predict(features(other, INPUT, builder)) for other in others]
        rounds_ms = [[by_key[other.key] for other in others] for by_key in rounds]
        held_out = device_profile.prediction_errors(
            predictions, [statistics.fmean(times) for times in zip(*rounds_ms, strict=True)]
        )
        cross_validated = device_profile.cross_validate(rows, times, seed=0)
        for name, errors in (("held out", held_out), ("cross-validated", cross_validated)):
            print(
                f"{name:15}: {errors.close:.0%} within 10%, typically {errors.typical:.1%} off, "
                f"{errors.covered:.0%} inside the 95% interval, Kendall tau {errors.tau:.3f}"
            )
        single = [device_profile.prediction_errors(predictions, round_ms).tau for round_ms in rounds_ms]
        between = [kendalltau(one, other).statistic for one, other in combinations(rounds_ms, 2)]
        print(
            f"by one look each: tau {min(single):.3f} to {max(single):.3f}; two looks rank the others alike with "
            f"{min(between):.3f} to {max(between):.3f}"
        )
        is_quiet = print_verdict(before, noise(target))
        print(f"wanted of those held out: 95% within 10%, tau at least .95{'' if is_quiet else ' (not judged)'}")
