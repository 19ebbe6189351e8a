"""Trainers like a search's, on every core or sharing the GPU, which disturb measurements."""

import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any, NamedTuple

import torch

from benchmarks.latency.networks import INPUT, members
from nas import plugins
from nas.exports.training import TrainingRecipe
from nas.latency.meter import Deployment
from workers.data.dataset import Dataset, Request, split
from workers.latency.measurement_lock import locks_for, shared_step
from workers.training.loop import ResidentData, Training
from workers.training.setting import FP32

spawn = multiprocessing.get_context("spawn")
# Trainers that share a GPU.
GPU_TRAINERS = 4


def keep_training(device: str, stands_aside: bool, may_train: Any, steps: Any, seed: int) -> None:
    """Train without end as a search does, while `may_train` is set; `steps` counts the steps."""
    torch.set_num_threads(1)
    dataset: Dataset = plugins.load(plugins.DATASETS, "digits")
    source = dataset.open(Request(None, None, False), "train")
    data = split(dataset, source, size_px=INPUT.height_px, train_size=400, seed=0)
    resident = ResidentData(data, torch.device(device))
    locks = locks_for(device)

    @contextmanager
    def step() -> Iterator[None]:
        may_train.wait()
        with shared_step(locks) if stands_aside else nullcontext():
            yield
        with steps.get_lock():
            steps.value += 1

    while True:
        for architecture in members(8, seed):
            model = Deployment(architecture, INPUT).build()
            with shared_step(locks) if stands_aside else nullcontext():
                model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
            generator = torch.Generator().manual_seed(seed)
            setting = replace(FP32, graph=device == "cuda")
            list(Training(model, resident, TrainingRecipe(2, 32, 3e-3), generator, setting, step).epochs())


class Trainers(NamedTuple):
    """Running trainers: the event that lets them train, and the count of their steps."""

    may_train: Any
    steps: Any

    def train(self, on: bool) -> None:
        """Let the trainers train, or stop them; return when they have obeyed."""
        (self.may_train.set if on else self.may_train.clear)()
        time.sleep(1.0)


@contextmanager
def trainers(device: str, stands_aside: bool) -> Iterator[Trainers]:
    """Run a trainer on every core, or GPU_TRAINERS of them, for the length of the block."""
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
    return GPU_TRAINERS if device == "cuda" else len(os.sched_getaffinity(0))
