"""Latencies with every core, or the GPU, training, against the quiet ones.

Quiet and loaded repeats take turns, a round of all networks each: two repeats of unlike networks drift apart by
themselves over minutes, which is no effect of the load. The agreement of quiet repeats with each other is printed too.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch
from scipy.stats import kendalltau

from benchmarks.latency.networks import (
    INPUT,
    calibrated,
    cv,
    measured,
    members,
    noise,
    print_verdict,
    targets_here,
    trains_on,
)
from benchmarks.latency.trainers import Trainers, count_on, trainers
from nas.architecture import Architecture
from nas.latency.meter import Deployment

# Milliseconds of each network's repeats, one network after the other.
Repeats = list[tuple[float, ...]]
# Repeats of each network, quiet and loaded, by default.
REPEATS = 6


def naive(architecture: Architecture, device: str) -> float:
    """Time it as a plain script does: the mean of some calls after some others, beside whatever else runs."""
    torch.set_num_threads(1)
    model = Deployment(architecture, INPUT).build().eval()
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    x_BCHW = torch.randn(1, INPUT.channels, INPUT.height_px, INPUT.width_px, device=device)

    def called(times: int) -> None:
        for _ in range(times):
            model(x_BCHW)
        if device == "cuda":
            torch.cuda.synchronize()

    with torch.inference_mode():
        called(10)
        started = time.perf_counter()
        called(50)
    return (time.perf_counter() - started) * 1000.0 / 50


def main(targets: Sequence[str] = (), repeats: int | None = None) -> None:
    for target in targets or targets_here():
        _judge(target, trains_on(target), repeats or REPEATS)


def _judge(target: str, device: str, repeats: int) -> None:
    print(f"\n30 networks on target {target}, {repeats} repeats each, in quiet and beside {count_on(device)} trainers")
    meter = calibrated(target)
    before = noise(target)
    architectures = members(30, seed=1)

    def measure_rounds(measure: Callable[[Architecture], float], beside: Trainers) -> tuple[Repeats, Repeats]:
        """Measure each network repeatedly, in quiet and beside the trainers."""
        rounds: dict[bool, list[list[float]]] = {False: [], True: []}
        for turn in range(2 * repeats):
            busy = turn % 2 == 1
            beside.train(busy)
            rounds[busy].append([measure(architecture) for architecture in architectures])
        calm, loaded = (list(zip(*rounds[kind], strict=True)) for kind in (False, True))
        return calm, loaded

    def under_lock(architecture: Architecture) -> float:
        return measured(meter, architecture).median

    print("                        bias    worst   CV of repeats   Kendall tau   of single looks")
    with trainers(device, stands_aside=True) as polite:
        locked = measure_rounds(under_lock, polite)
    _print_compared("measured under lock", *locked)
    with trainers(device, stands_aside=False) as heedless:
        _print_compared("timed naively", *measure_rounds(partial(naive, device=device), heedless))
    quiet = locked[0]
    halves = ([statistics.median(repeats_ms[start::2]) for repeats_ms in quiet] for start in (0, 1))
    print(
        f"(in quiet: CV of repeats {statistics.median(cv(repeats_ms) for repeats_ms in quiet):.1%}, "
        f"Kendall tau of every other look and the looks between {kendalltau(*halves).statistic:.3f})"
    )
    is_quiet = print_verdict(before, noise(target))
    print(f"wanted: bias within 2%, CV within 2%, tau at least .98{'' if is_quiet else ' (not judged)'}")


def _print_compared(method: str, quiet: Repeats, loaded: Repeats) -> None:
    before, after = ([statistics.median(repeats_ms) for repeats_ms in figures] for figures in (quiet, loaded))
    biases = [b / a - 1 for a, b in zip(before, after, strict=True)]
    spread = statistics.median(cv(repeats_ms) for repeats_ms in loaded)
    tau = kendalltau(before, after).statistic
    single = statistics.fmean(kendalltau(before, round_ms).statistic for round_ms in zip(*loaded, strict=True))
    print(
        f"{method:22}  {statistics.median(biases):+6.1%}  {max(biases, key=abs):+6.1%}  {spread:13.1%}  {tau:12.3f}"
        f"  {single:16.3f}",
        flush=True,
    )
