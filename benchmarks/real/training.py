"""Trainings of members on cifar10-small, by the search's own loop and recipe policy, on one thread."""

import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.real.members import SIZE_PX
from benchmarks.real.rows import Trained
from nas import plugins
from nas.architecture import Architecture
from nas.builder import Builder
from workers.data.dataset import Dataset, ProxyData, Request, split
from workers.training.augmentation import augmentation_of, mix_of
from workers.training.loop import ResidentData, Training, choose_setting
from workers.training.policy import TrainingTask, policy

DEVICE = torch.device("cpu")
VALIDATION, TEST = "validation", "test"
# All rungs but the target share the split into training and validation pictures.
SPLIT_SEED = 0


class Rung(NamedTuple):
    """A training of `epochs` on the first `images` of the training pictures, judged on pictures of `part`."""

    images: int
    epochs: int
    part: str


RUNGS = (
    Rung(2000, 5, VALIDATION),
    Rung(8000, 2, VALIDATION),
    Rung(8000, 5, VALIDATION),
    Rung(8000, 13, VALIDATION),
)
TARGET = Rung(10_000, 40, TEST)


def one_thread() -> None:
    torch.set_num_threads(1)


@lru_cache(maxsize=4)
def data_of(part: str, images: int, data_dir: Path) -> ProxyData:
    """Load the pictures of a rung."""
    dataset: Dataset = plugins.load(plugins.DATASETS, "imagefolder")
    request = Request(str(data_dir / "cifar10-small"), data_dir)
    source = dataset.open(request, "train")
    largest = max(rung.images for rung in RUNGS)
    data = split(dataset, source, size_px=SIZE_PX, train_size=largest, seed=SPLIT_SEED)
    if part == VALIDATION:
        return replace(data, train_images=data.train_images[:images], train_labels=data.train_labels[:images])
    test, every = dataset.open(request, "test"), torch.arange(len(source.labels)).numpy()
    return replace(
        data,
        train_images=source.images(every, SIZE_PX),
        train_labels=source.labels,
        validation_images=test.images(torch.arange(len(test.labels)).numpy(), SIZE_PX),
        validation_labels=test.labels,
    )


def trained(architecture: Architecture, rung: Rung, seed: int, data_dir: Path) -> Trained:
    """Train the architecture at the rung, in the fastest setting, and judge it."""
    data = data_of(rung.part, rung.images, data_dir)
    builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    resident = ResidentData(data, DEVICE)
    recipe = policy(
        TrainingTask(rung.images, SIZE_PX, data.model_input.channels, data.classes, data.flip), epochs=rung.epochs
    )
    torch.manual_seed(seed)
    model = builder.build(architecture, data.model_input)
    setting = choose_setting(model, resident, recipe)
    training = Training(
        model,
        resident,
        recipe,
        torch.Generator().manual_seed(seed),
        setting,
        present=augmentation_of(recipe, resident),
        mix=mix_of(recipe, data.classes),
    )
    started = time.process_time()
    points = list(training.epochs())
    return Trained(
        key=architecture.key,
        images=rung.images,
        epochs=rung.epochs,
        seed=seed,
        part=rung.part,
        accuracy=round(points[-1].accuracy, 5),
        loss=round(points[-1].loss, 5),
        seconds=round(time.process_time() - started, 2),
        setting=str(setting),
        curve=tuple([point.accuracy for point in points]),
    )
