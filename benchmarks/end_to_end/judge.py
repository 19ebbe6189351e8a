"""One judge for both: fronts' members trained again, tested, and measured in quiet."""

import multiprocessing
import os
import statistics
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from nas import plugins
from nas.architecture import Architecture, ModelInput
from nas.exports.training import TrainingRecipe
from nas.latency.meter import Deployment
from nas.objective import pooled
from nas.study.study import trial_seed
from nas.trial import CurvePoint
from workers.data.dataset import Dataset, ProxyData, Request, split
from workers.latency.meter import Meter
from workers.training.loop import ResidentData, Training, choose_setting
from workers.training.setting import Setting

# Processes that train at a time; those of a GPU share it.
PROCESSES = {"cpu": os.cpu_count(), "cuda": 4}
# Images that no search has seen judge: a part of the test set, larger than what proxies are validated on.
TEST_IMAGES = 5000
REPEATS = 5


class Verdict(NamedTuple):
    """The judgement of a network: a test accuracy for each seed, and milliseconds."""

    accuracies: tuple[float, ...]
    latency_ms: float

    @property
    def accuracy(self) -> float:
        return statistics.fmean(self.accuracies)


def data_of(data_dir: Path, train_size: int, seed: int) -> ProxyData:
    """Load Fashion-MNIST as a search does."""
    dataset: Dataset = plugins.load(plugins.DATASETS, "fashion-mnist")
    source = dataset.open(Request(None, data_dir, False), "train")
    return split(dataset, source, size_px=dataset.size_px, train_size=train_size, seed=seed)


def with_test_images(data: ProxyData, data_dir: Path) -> ProxyData:
    """Keep the images to train on and replace those to judge by with the first of the test part."""
    dataset: Dataset = plugins.load(plugins.DATASETS, "fashion-mnist")
    source = dataset.open(Request(None, data_dir, False), "test")
    chosen = np.arange(min(TEST_IMAGES, len(source.labels)))
    assert len(chosen) > len(data.validation_labels)
    return ProxyData(
        data.train_images,
        data.train_labels,
        source.images(chosen, data.train_images.shape[2]),
        source.labels[chosen],
        data.classes,
        data.flip,
        data.shift_px,
    )


def accuracies(last_epochs_by_key: Mapping[str, Sequence[CurvePoint]]) -> dict[str, tuple[float, ...]]:
    """Return the accuracies by key, of the result of `last_epochs`."""
    return {key: tuple([epoch.accuracy for epoch in epochs]) for key, epochs in last_epochs_by_key.items()}


def last_epochs(
    members: Collection[Architecture],
    data: ProxyData,
    recipe: TrainingRecipe,
    seeds: Collection[int],
    *,
    shared: bool = True,
    device: str = "cpu",
) -> dict[str, tuple[CurvePoint, ...]]:
    """Train with each seed, in a process for each core or some for the GPU; return the last epochs by key.

    A seed says in which order images come, which changes the accuracies of all that share it alike (by 1.3% in a proxy
    of Fashion-MNIST): to compare members it is shared, and to know what they reach each has seeds of its own.
    """
    jobs = [(member, seed if shared else trial_seed(seed, member.key)) for member in members for seed in seeds]
    context = multiprocessing.get_context("spawn")
    with context.Pool(PROCESSES[device], initializer=prepare, initargs=(data, recipe, device)) as pool:
        epochs = pool.starmap(trained_here, jobs, chunksize=1)
    by_key: dict[str, list[CurvePoint]] = {}
    for (member, _), epoch in zip(jobs, epochs, strict=True):
        by_key.setdefault(member.key, []).append(epoch)
    return {key: tuple(member_epochs) for key, member_epochs in by_key.items()}


def latencies(members: Collection[Architecture], model_input: ModelInput) -> Mapping[str, float]:
    """Return milliseconds by key: REPEATS measurements in quiet, of half a second each unless the machine is shared.

    Members take turns: what a shared machine does in one minute is in all that is measured then.
    """
    meter = Meter("cpu").precise(0.005, 0.5)
    meter = meter.on_scale(meter.calibrate().median)
    rounds = [[meter.measure(Deployment(member, model_input)) for member in members] for _ in range(REPEATS)]
    return {
        member.key: pooled(repeats).median for member, repeats in zip(members, zip(*rounds, strict=True), strict=True)
    }


_resident: ResidentData
_recipe: TrainingRecipe


def prepare(data: ProxyData, recipe: TrainingRecipe, device: str = "cpu") -> None:
    """Set the data and the recipe of this process for `trained_here`."""
    global _resident, _recipe
    torch.set_num_threads(1)
    _resident, _recipe = ResidentData(data, torch.device(device)), recipe


def trained_here(architecture: Architecture, seed: int) -> CurvePoint:
    return trained(_resident, _recipe, architecture, seed)


def trained(
    data: ResidentData, recipe: TrainingRecipe, architecture: Architecture, seed: int, setting: Setting | None = None
) -> CurvePoint:
    """Train in this process, in the fastest setting unless one is given; return the last epoch."""
    torch.manual_seed(seed)
    images = data.train_images
    model_input = ModelInput(images.shape[1], images.shape[2], images.shape[3], 10)
    model = Deployment(architecture, model_input).build().to(images.device)
    if setting is None:
        setting = choose_setting(model, data, recipe)
    else:
        setting.place(model)
    *_, last = Training(model, data, recipe, torch.Generator().manual_seed(seed), setting).epochs()
    return last
