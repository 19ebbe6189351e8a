"""With every core, or the GPU, training: are latencies the quiet ones, and what do the windows cost the trainers?

Quiet and loaded looks take turns, a round of all networks each: two looks at unlike networks drift apart by themselves
over minutes, and what that does is no effect of the load. How quiet looks agree with each other is printed beside it.
"""

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch
from scipy.stats import kendalltau

from benchmarks.latency.networks import INPUT, calibrated, cv, devices, measured, members, noise, print_verdict
from nas import plugins
from nas.architecture import Architecture
from nas.latency import Deployment
from workers.datasets.dataset import Dataset, Request, split
from workers.latency.quiet import step_in, windows_of
from workers.train import Recipe, ResidentData, Training
from workers.training_setting import FP32

# At each network, one after the other.
Looks = list[tuple[float, ...]]
spawn = multiprocessing.get_context("spawn")
# Looks at each network of either kind.
REPEATS = 6
# One measurement per so many seconds and core, for what the windows cost.
EVERY_S = 30.0
# Trainers that share a GPU.
ON_GPU = 4


def keep_training(device: str, stands_aside: bool, may_train: Any, steps: Any, seed: int) -> None:
    """A search's trainer without end, while it may; `steps` counts its leases."""
    torch.set_num_threads(1)
    dataset: Dataset = plugins.load(plugins.DATASETS, "digits")
    source = dataset.open(Request(None, None, False), "train")
    data = split(dataset, source, size_px=INPUT.height_px, train_size=400, seed=0)
    resident = ResidentData(data, torch.device(device))
    windows = windows_of(device)

    @contextmanager
    def step() -> Iterator[None]:
        may_train.wait()
        with step_in(windows) if stands_aside else nullcontext():
            yield
        with steps.get_lock():
            steps.value += 1

    while True:
        for architecture in members(8, seed):
            model = Deployment(architecture, INPUT).build().to(device, memory_format=torch.channels_last)
            generator = torch.Generator().manual_seed(seed)
            setting = replace(FP32, graph=device == "cuda")
            list(Training(model, resident, Recipe(2, 32, 3e-3), generator, setting, step).epochs())


class Trainers(NamedTuple):
    """Processes on every core: whether they train now, and the steps that they have made."""

    may_train: Any
    steps: Any

    def train(self, on: bool) -> None:
        """Go on or stand still; back when they do."""
        (self.may_train.set if on else self.may_train.clear)()
        time.sleep(1.0)


@contextmanager
def trainers(device: str, stands_aside: bool) -> Iterator[Trainers]:
    """One on every core, or ON_GPU, for the length of the block."""
    may_train, steps = spawn.Event(), spawn.Value("q", 0)
    may_train.set()
    running = [
        spawn.Process(target=keep_training, args=(device, stands_aside, may_train, steps, seed), daemon=True)
        for seed in range(count_on(device))
    ]
    for process in running:
        process.start()
    while steps.value < 50:
        time.sleep(0.1)
    try:
        yield Trainers(may_train, steps)
    finally:
        for process in running:
            process.kill()
            process.join()


def count_on(device: str) -> int:
    return ON_GPU if device == "cuda" else os.cpu_count() or 1


def naive(architecture: Architecture, device: str) -> float:
    """As a plain script times it: the mean of some calls after some others, beside whatever else runs."""
    torch.set_num_threads(1)
    model = Deployment(architecture, INPUT).build().eval().to(device, memory_format=torch.channels_last)
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


def main() -> None:
    for device in devices():
        _judge(device)


def _judge(device: str) -> None:
    print(f"\n30 networks on target {device}, {REPEATS} repeats each, in quiet and beside {count_on(device)} trainers")
    meter = calibrated(device)
    judges = print_verdict(noise(device))
    chosen = members(30, seed=1)

    def looks(look: Callable[[Architecture], float], beside: Trainers) -> tuple[Looks, Looks]:
        """At each network, in quiet and beside the trainers."""
        rounds: dict[bool, list[list[float]]] = {False: [], True: []}
        for turn in range(2 * REPEATS):
            busy = turn % 2 == 1
            beside.train(busy)
            rounds[busy].append([look(each) for each in chosen])
        calm, loaded = (list(zip(*rounds[kind], strict=True)) for kind in (False, True))
        return calm, loaded

    def in_window(architecture: Architecture) -> float:
        return measured(meter, architecture).median

    with trainers(device, stands_aside=True) as polite:
        windows = looks(in_window, polite)
    with trainers(device, stands_aside=False) as rude:
        plain = looks(partial(naive, device=device), rude)
    print("                        bias    worst   CV of repeats   Kendall tau   of single looks")
    for name, (calm, busy) in (("measured in the window", windows), ("timed naively", plain)):
        before, after = ([statistics.median(each) for each in figures] for figures in (calm, busy))
        off = [b / a - 1 for a, b in zip(before, after, strict=True)]
        spread = statistics.median(cv(each) for each in busy)
        tau = kendalltau(before, after).statistic
        single = statistics.fmean(kendalltau(before, each).statistic for each in zip(*busy, strict=True))
        print(
            f"{name:22}  {statistics.median(off):+6.1%}  {max(off, key=abs):+6.1%}  {spread:13.1%}  {tau:12.3f}"
            f"  {single:16.3f}"
        )
    quiet = windows[0]
    halves = ([statistics.median(each[begin::2]) for each in quiet] for begin in (0, 1))
    print(
        f"(in quiet: CV of repeats {statistics.median(cv(each) for each in quiet):.1%}, "
        f"Kendall tau of every other look and the looks between {kendalltau(*halves).statistic:.3f})"
    )
    print(f"wanted: bias within 2%, CV within 2%, tau at least .98{'' if judges else ' (not judged)'}")
    _cost(meter, chosen, device)


def _cost(meter: Any, chosen: list[Architecture], device: str) -> None:
    """Alternating stretches with and without measurements, within one run of the trainers."""
    busy = count_on(device)
    rates: dict[bool, list[float]] = {False: [], True: []}
    with trainers(device, stands_aside=True) as polite:
        steps = polite.steps
        for stretch in range(8):
            measuring = stretch % 2 == 1
            begun, before = time.perf_counter(), steps.value
            while (passed := time.perf_counter() - begun) < EVERY_S:
                if measuring and passed >= 1.0:
                    for _ in range(busy):
                        measured(meter, chosen[stretch])
                    measuring = False
                time.sleep(0.05)
            rates[stretch % 2 == 1].append((steps.value - before) / (time.perf_counter() - begun))
    lost = 1 - statistics.median(rates[True]) / statistics.median(rates[False])
    shown = {kind: ", ".join(f"{rate:.1f}" for rate in found) for kind, found in rates.items()}
    print(
        f"training steps per second without measurements {shown[False]}; "
        f"with one per {EVERY_S:.0f} s and trainer {shown[True]}"
    )
    print(f"lost to the windows: {lost:.1%} (wanted: at most 3%)")
