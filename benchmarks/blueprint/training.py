"""Training of a variant for a number of CPU seconds, by the search's own loop, on one thread."""

import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.blueprint.rows import Trained
from benchmarks.blueprint.variants import Variant
from nas import plugins
from nas.builder import Builder
from workers.data.dataset import Dataset, ProxyData, Request, split
from workers.training.loop import ResidentData, Training
from workers.training.policy import TrainingTask, policy
from workers.training.setting import FP32
from workers.training.steps import NonFiniteLossError

# Epochs of the probe that sets the number of epochs of a training; the first is slower and does not count.
PROBE_EPOCHS = 2
DEVICE = torch.device("cpu")


class Size(NamedTuple):
    """A picture size, with the data set, its argument below --data-dir and the pictures to train on."""

    px: int
    dataset: str
    folder: str | None
    train_size: int


# Trainings are whole epochs: the pictures are few, so that an epoch is a small part of a training.
SIZES = (
    Size(14, "digits", None, 1150),
    Size(28, "fashion-mnist", None, 6000),
    Size(32, "imagefolder", "cifar10-small", 5000),
    Size(64, "imagefolder", "cifar10-small", 2500),
)


def one_thread() -> None:
    torch.set_num_threads(1)


@lru_cache(maxsize=2)
def data_of(size: Size, data_dir: Path, seed: int) -> ProxyData:
    """Load pictures to train on and to judge by, all from the training part, split by the seed."""
    dataset: Dataset = plugins.load(plugins.DATASETS, size.dataset)
    argument = None if size.folder is None else str(data_dir / size.folder)
    source = dataset.open(Request(argument, data_dir, False), "train")
    return split(dataset, source, size_px=size.px, train_size=size.train_size, seed=seed)


def trained(variant: Variant, size: Size, data_dir: Path, seconds: float, seed: int) -> Trained:
    """Train for the whole epochs that come nearest to `seconds` of this process's CPU time, after a probe of two."""
    data = data_of(size, data_dir, seed)
    builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    cost = builder.cost(variant.architecture, data.model_input)
    row = Trained(
        px=size.px,
        part=variant.part,
        choice=variant.choice,
        seconds=seconds,
        seed=seed,
        key=variant.architecture.key,
        widths="-".join(str(stage.width) for stage in variant.architecture.stages),
        macs=cost.macs,
        parameters=cost.parameters,
        epochs=0,
        cpu_s=0.0,
        accuracy=0.0,
        pictures=len(data.validation_labels),
        failure="",
    )
    try:
        _, probe_s = _training(variant, data, PROBE_EPOCHS, seed)
        epochs = max(1, round(seconds / probe_s[-1]))
        accuracy, epochs_s = _training(variant, data, epochs, seed)
    except NonFiniteLossError as error:
        return row._replace(failure=str(error))
    return row._replace(epochs=epochs, cpu_s=round(sum(epochs_s), 2), accuracy=round(accuracy, 5))


def _training(variant: Variant, data: ProxyData, epochs: int, seed: int) -> tuple[float, list[float]]:
    """Train; return the accuracy after the last epoch, and each epoch's CPU seconds."""
    torch.manual_seed(seed)
    builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    model = builder.build(variant.architecture, data.model_input)
    setting = replace(FP32)
    setting.place(model)
    images, channels, px, _ = data.train_images.shape
    recipe = policy(TrainingTask(images, px, channels, data.classes, data.flip), epochs=epochs)
    training = Training(model, ResidentData(data, DEVICE), recipe, torch.Generator().manual_seed(seed), setting)
    accuracy, seconds, started = 0.0, [], time.process_time()
    for point in training.epochs():
        accuracy = point.accuracy
        seconds.append(time.process_time() - started)
        started = time.process_time()
    return accuracy, seconds
