"""Rank correlation of torch eager with ONNX Runtime, and of torch on the CPU with a GPU, where there is one."""

from scipy.stats import kendalltau

from benchmarks.latency.networks import calibrated, measured, members, noise, print_verdict, targets_here

COUNT = 40


def main() -> None:
    _compare("cpu", "onnxruntime")
    if "cuda" in targets_here():
        _compare("cpu", "cuda")
        _compare("cuda", "cuda-graph")


def _compare(*targets: str) -> None:
    architectures = members(COUNT, seed=4)
    meters = [calibrated(target, limit_s=1.0) for target in targets]
    print(f"\n{COUNT} random networks of hybrid on {' and '.join(targets)}")
    print_verdict(noise())
    times = [[measured(meter, architecture).median for architecture in architectures] for meter in meters]
    print(f"Kendall tau between them {kendalltau(*times).statistic:.3f}")
    ranks = [
        {index: rank for rank, index in enumerate(sorted(range(COUNT), key=latencies.__getitem__))}
        for latencies in times
    ]
    by_shift = sorted(range(COUNT), key=lambda index: ranks[1][index] - ranks[0][index])
    print(f"those that move most, of the fastest first: mixers, depths, widths, {', '.join(targets)}")
    for index in (*by_shift[:3], *by_shift[-3:]):
        stages = architectures[index].stages
        print(
            f"rank {ranks[0][index] + 1:2} to {ranks[1][index] + 1:2}  {architectures[index].layout}  "
            f"{'-'.join(str(stage.depth) for stage in stages)}  {'-'.join(str(stage.width) for stage in stages)}  "
            f"{times[0][index]:.3f} ms  {times[1][index]:.3f} ms"
        )
