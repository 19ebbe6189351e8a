"""The script that a user would write without this project: Ray Tune, OptunaSearch with multivariate TPE, a plain loop.

It has the project's networks and nothing else of it: data in a DataLoader, latency timed in the worker, one fresh
process for each trial as Tune starts them by default.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import optuna
import ray
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from ray import tune
from ray.tune.search.optuna import OptunaSearch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from nas import plugins
from nas.architecture import Architecture, ModelInput
from nas.space.loading import load_space
from workers.data.dataset import ProxyData
from workers.ray.environment import ray_environment

CALLS, WARM_UP = 50, 10


class TimedTrial(NamedTuple):
    """A trial's result, `at_s` after the script began."""

    at_s: float
    architecture: Architecture
    accuracy: float
    latency_ms: float


class Schedule(NamedTuple):
    """Schedule of a proxy's training."""

    epochs: int
    batch_size: int
    learning_rate: float


class Pictures(Dataset[tuple[torch.Tensor, int]]):
    """A data set as torchvision has it: each picture goes through the transforms by itself."""

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.int64], transform: v2.Transform) -> None:
        self._images, self._labels, self._transform = images, labels, transform

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        pixels = self._images[index].transpose(1, 2, 0).squeeze()
        return self._transform(Image.fromarray(pixels)), int(self._labels[index])


def trained(model: torch.nn.Module, data: ProxyData, schedule: Schedule, device: str = "cpu") -> float:
    """Train the model and return its validation accuracy."""
    model.to(device)
    axes = (0, 2, 3)
    mean, std = (values.tolist() for values in (data.train_images.mean(axes) / 255, data.train_images.std(axes) / 255))
    to_tensor = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    crop = v2.RandomCrop(data.model_input.height_px, padding=data.shift_px, padding_mode="edge")
    flip = [v2.RandomHorizontalFlip()] if data.flip else []
    train_set = Pictures(data.train_images, data.train_labels, v2.Compose([*flip, crop, *to_tensor]))
    validation_set = Pictures(data.validation_images, data.validation_labels, v2.Compose(to_tensor))
    loader = DataLoader(train_set, batch_size=schedule.batch_size, shuffle=True, drop_last=True)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=schedule.learning_rate, total_steps=schedule.epochs * len(loader), pct_start=0.2
    )
    for _ in range(schedule.epochs):
        model.train()
        for x_BCHW, labels_B in loader:
            loss = F.cross_entropy(model(x_BCHW.to(device)), labels_B.to(device))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            rate.step()
    model.eval()
    with torch.inference_mode():
        validation_loader = DataLoader(validation_set, batch_size=256)
        correct = sum(
            int((model(x_BCHW.to(device)).argmax(1) == labels_B.to(device)).sum())
            for x_BCHW, labels_B in validation_loader
        )
        return correct / len(validation_set)


def train_and_time(config: dict[str, Any], data: ProxyData, model_input: ModelInput, schedule: Schedule) -> None:
    """Train and time one architecture, as Tune's trainable."""
    torch.set_num_threads(1)
    model = plugins.load(plugins.BUILDERS, plugins.BUILDER).build(load_space("hybrid").decode(config), model_input)
    accuracy = trained(model, data, schedule)
    image = torch.randn(1, model_input.channels, model_input.height_px, model_input.width_px)
    with torch.inference_mode():
        for _ in range(WARM_UP):
            model(image)
        started = time.perf_counter()
        for _ in range(CALLS):
            model(image)
        latency_ms = (time.perf_counter() - started) * 1000 / CALLS
    tune.report({"accuracy": accuracy, "latency_ms": latency_ms})


def search(
    data: ProxyData,
    model_input: ModelInput,
    schedule: Schedule,
    *,
    seconds: float,
    seed: int,
    workers: int,
    folder: str,
) -> list[TimedTrial]:
    """Search for `seconds`, Ray's start included."""
    began = time.time()
    space = load_space("hybrid")
    distributions: dict[str, Callable[..., Any] | Any] = {
        name: optuna.distributions.CategoricalDistribution(options) for name, options in space.choices.items()
    }
    with ray_environment({}):
        ray.init(address="local", num_cpus=workers, include_dashboard=False, log_to_driver=False)
        try:
            results = tune.Tuner(
                tune.with_resources(
                    tune.with_parameters(train_and_time, data=data, model_input=model_input, schedule=schedule),
                    {"cpu": 1},
                ),
                tune_config=tune.TuneConfig(
                    search_alg=OptunaSearch(
                        space=distributions,
                        metric=["accuracy", "latency_ms"],
                        mode=["max", "min"],
                        sampler=optuna.samplers.TPESampler(multivariate=True, seed=seed),
                    ),
                    num_samples=-1,
                    time_budget_s=seconds - (time.time() - began),
                    max_concurrent_trials=workers,
                ),
                run_config=tune.RunConfig(storage_path=folder, name=f"plain-{seed}", verbose=0),
            ).fit()
        finally:
            ray.shutdown()
    trials = [
        TimedTrial(
            result.metrics["timestamp"] - began,
            space.decode(result.config),
            result.metrics["accuracy"],
            result.metrics["latency_ms"],
        )
        for result in results
        if result.metrics and "accuracy" in result.metrics
    ]
    return sorted(trials, key=lambda trial: trial.at_s)
