"""After at most 64 measurements: how well are 100 other networks predicted, on each runtime?

What a network takes changes by a percent or two from one quarter of an hour to the next. So all of them are looked at
in a random order, the others LOOKS times, apart, and judged by the mean of their looks; how alike single looks rank
them tells how much of the error is the judge's.
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
HELD_OUT, LOOKS = 100, 2
# `nas latency profile` takes up to 3 s for a network.
LIMIT_S = 1.5


def looked_at(meter: Meter, architectures: Sequence[Architecture], seed: int) -> dict[str, float]:
    """Milliseconds by key."""
    order = list(architectures)
    random.Random(seed).shuffle(order)
    return {each.key: measured(meter, each).median for each in order}


def main(targets: Sequence[str] = ()) -> None:
    builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    chosen = device_profile.design(load_space("hybrid"), INPUT, builder, MEASURED, seed=0)
    taken = {architecture.key for architecture in chosen}
    others = [each for each in members(HELD_OUT + MEASURED, seed=2) if each.key not in taken][:HELD_OUT]
    for target in targets or (*targets_here(), "onnxruntime"):
        print(f"\npredictor of {len(chosen)} measured networks of hybrid on {target}, judged on {len(others)} others")
        meter = calibrated(target, LIMIT_S)
        before = noise(target)
        first = looked_at(meter, (*chosen, *others), seed=0)
        looked = [first, *(looked_at(meter, others, seed) for seed in range(1, LOOKS))]
        rows = [features(each, INPUT, builder) for each in chosen]
        times = [first[each.key] for each in chosen]
        latency_model = LatencyModel(rows, times)
        predictions = [latency_model.predict(features(each, INPUT, builder)) for each in others]
        looks = [[look[each.key] for each in others] for look in looked]
        found = device_profile.prediction_errors(
            predictions, [statistics.fmean(times) for times in zip(*looks, strict=True)]
        )
        inside = device_profile.cross_validate(rows, times, seed=0)
        for name, errors in (("held out", found), ("cross-validated", inside)):
            print(
                f"{name:15}: {errors.close:.0%} within 10%, typically {errors.typical:.1%} off, "
                f"{errors.covered:.0%} inside the 95% interval, Kendall tau {errors.tau:.3f}"
            )
        single = [device_profile.prediction_errors(predictions, look).tau for look in looks]
        between = [kendalltau(one, other).statistic for one, other in combinations(looks, 2)]
        print(
            f"by one look each: tau {min(single):.3f} to {max(single):.3f}; two looks rank the others alike with "
            f"{min(between):.3f} to {max(between):.3f}"
        )
        judges = print_verdict(before, noise(target))
        print(f"wanted of those held out: 95% within 10%, tau at least .95{'' if judges else ' (not judged)'}")
