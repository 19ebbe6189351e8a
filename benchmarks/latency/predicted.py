"""After at most 64 measurements: how well are 100 other networks predicted, on torch and on ONNX Runtime?"""

from benchmarks.latency.networks import INPUT, calibrated, measured, members, noise, print_verdict
from nas import plugins, profiling
from nas.predictor import Predictor, features
from nas.spaces import load_space

MEASURED = 64
HELD_OUT = 100
# `nas latency profile` takes up to 3 s for a network.
LIMIT_S = 1.5


def main(targets: tuple[str, ...] = ("cpu", "onnxruntime")) -> None:
    builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    chosen = profiling.design(load_space("hybrid"), INPUT, builder, MEASURED, seed=0)
    taken = {architecture.key for architecture in chosen}
    others = [each for each in members(HELD_OUT + MEASURED, seed=2) if each.key not in taken][:HELD_OUT]
    for target in targets:
        print(f"\npredictor of {len(chosen)} measured networks of hybrid on {target}, judged on {len(others)} others")
        meter = calibrated(target, LIMIT_S)
        judges = print_verdict(noise(target))
        times = [measured(meter, each).median for each in (*chosen, *others)]
        rows = [features(each, INPUT, builder) for each in (*chosen, *others)]
        predictor = Predictor(rows[: len(chosen)], times[: len(chosen)])
        found = profiling.errors([predictor.predict(row) for row in rows[len(chosen) :]], times[len(chosen) :])
        inside = profiling.cross_validated(rows[: len(chosen)], times[: len(chosen)], seed=0)
        for name, errors in (("held out", found), ("cross-validated", inside)):
            print(
                f"{name:15}: {errors.close:.0%} within 10%, typically {errors.typical:.1%} off, "
                f"{errors.covered:.0%} inside the 95% interval, Kendall tau {errors.tau:.3f}"
            )
        print(f"wanted of those held out: 95% within 10%, tau at least .95{'' if judges else ' (not judged)'}")
