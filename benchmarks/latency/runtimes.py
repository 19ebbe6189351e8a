"""Do torch eager and ONNX Runtime rank architectures alike? And torch on the CPU and on a GPU, where there is one?"""

from scipy.stats import kendalltau

from benchmarks.latency.networks import calibrated, measured, members, noise, print_verdict, targets_here

COUNT = 40


def main() -> None:
    _compare("cpu", "onnxruntime")
    if "cuda" in targets_here():
        _compare("cpu", "cuda")
        _compare("cuda", "cuda-graph")


def _compare(*targets: str) -> None:
    chosen = members(COUNT, seed=4)
    meters = [calibrated(target, limit_s=1.0) for target in targets]
    print(f"\n{COUNT} random networks of hybrid on {' and '.join(targets)}")
    print_verdict(noise())
    times = [[measured(meter, each).median for each in chosen] for meter in meters]
    print(f"Kendall tau between them {kendalltau(*times).statistic:.3f}")
    ranks = [{index: rank for rank, index in enumerate(sorted(range(COUNT), key=each.__getitem__))} for each in times]
    moved = sorted(range(COUNT), key=lambda index: ranks[1][index] - ranks[0][index])
    print(f"those that move most, of the fastest first: mixers, depths, widths, {', '.join(targets)}")
    for index in (*moved[:3], *moved[-3:]):
        stages = chosen[index].stages
        print(
            f"rank {ranks[0][index] + 1:2} to {ranks[1][index] + 1:2}  {chosen[index].layout}  "
            f"{'-'.join(str(stage.depth) for stage in stages)}  {'-'.join(str(stage.width) for stage in stages)}  "
            f"{times[0][index]:.3f} ms  {times[1][index]:.3f} ms"
        )
