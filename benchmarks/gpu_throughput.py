"""Trials an hour on a GPU: ours, in PROCESSES that share it, against one eager fp32 trial at a time.

A trial is a network's making, training and validation, in a process that has already started and has its data. It is
compared with the loop that a user would write (benchmarks/end_to_end/plain.py), on the GPU, and with our own loop in
fp32 without CUDA graphs.
"""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing.synchronize import Barrier
from typing import NamedTuple

import torch

from benchmarks.end_to_end import judge, plain
from benchmarks.report import mean_and_spread
from nas.architecture import Architecture
from nas.exports.training import TrainingRecipe
from nas.latency.meter import Deployment
from workers.data.dataset import ProxyData
from workers.training.loop import ResidentData
from workers.training.setting import FP32

DEVICE = "cuda"
PROCESSES = (1, 2, 4)
WANTED_RATIO = 8


class Trials(NamedTuple):
    """The seconds that a trial takes, and the accuracies."""

    seconds: float
    accuracies: Sequence[float]


def main(architectures: Mapping[str, Architecture], data: ProxyData, schedule: plain.Schedule, seeds: int) -> None:
    print(f"on {torch.cuda.get_device_name()}: seconds a trial, accuracy over seeds")
    resident = ResidentData(data, torch.device(DEVICE))
    recipe = TrainingRecipe(*schedule)
    ratios: dict[str, list[float]] = {}
    pools = {count: _pool(count, data, recipe) for count in PROCESSES}
    for name, architecture in architectures.items():
        _eager(resident, recipe, architecture, 0)
        loops = {
            "plain loop": _one_by_one(partial(_plain, data, schedule, architecture), seeds),
            "our loop, eager fp32": _one_by_one(partial(_eager, resident, recipe, architecture), seeds),
        }
        ours: dict[str, Trials] = {}
        for count, pool in pools.items():
            list(pool.map(_ready, [architecture] * count))
            ours[f"ours, {count} at a time"] = _together(pool, count, architecture, seeds)
        for loop, trials in (loops | ours).items():
            print(f"{name}, {loop}: {trials.seconds:.3f} s, {mean_and_spread(trials.accuracies)}", flush=True)
        best = min(trials.seconds for trials in ours.values())
        for loop, trials in loops.items():
            ratios.setdefault(loop, []).append(trials.seconds / best)
    for loop, times in ratios.items():
        listed = " ".join(f"{ratio:.1f}" for ratio in times)
        mean = statistics.geometric_mean(times)
        print(
            f"trials an hour over the {loop}'s, one at a time: {mean:.1f} in the mean "
            f"(wanted: {WANTED_RATIO}), {listed}"
        )
    for pool in pools.values():
        pool.shutdown()


def _one_by_one(trial: Callable[[int], float], seeds: int) -> Trials:
    accuracies, seconds = [], []
    for seed in range(seeds):
        started = time.perf_counter()
        accuracies.append(trial(seed))
        seconds.append(time.perf_counter() - started)
    return Trials(statistics.median(seconds), accuracies)


def _together(pool: ProcessPoolExecutor, count: int, architecture: Architecture, seeds: int) -> Trials:
    """Train each seed as often as there are processes."""
    started = time.perf_counter()
    last_epochs = pool.map(judge.trained_here, [architecture] * seeds * count, [*range(seeds)] * count)
    accuracies = [epoch.accuracy for epoch in last_epochs]
    return Trials((time.perf_counter() - started) / (seeds * count), accuracies[:seeds])


def _plain(data: ProxyData, schedule: plain.Schedule, architecture: Architecture, seed: int) -> float:
    torch.manual_seed(seed)
    model_input = data.model_input
    return plain.trained(Deployment(architecture, model_input).build(), data, schedule, DEVICE)


def _eager(resident: ResidentData, recipe: TrainingRecipe, architecture: Architecture, seed: int) -> float:
    return judge.trained(resident, recipe, architecture, seed, FP32).accuracy


def _pool(count: int, data: ProxyData, recipe: TrainingRecipe) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, context, _prepare, (data, recipe, context.Barrier(count)))


_all_ready: Barrier


def _prepare(data: ProxyData, recipe: TrainingRecipe, all_ready: Barrier) -> None:
    global _all_ready
    judge.prepare(data, recipe, DEVICE)
    _all_ready = all_ready


def _ready(architecture: Architecture) -> None:
    """Train once in each process: the time of a kernel's first use is no part of a trial."""
    judge.trained_here(architecture, 0)
    _all_ready.wait()
