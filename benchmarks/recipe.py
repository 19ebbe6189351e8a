"""Ablation of the training recipe: accuracy on held-out training pictures after equal processor time.

`python -m benchmarks.recipe [--data NAME ...] [--network NAME ...] [--variant NAME ...] [--seconds S] [--seeds K]`

Each variant is the policy's recipe (workers/training/policy.py) with one thing changed, by the loop that searches train
with, fp32, one thread, for the same processor time, which other programs on the machine do not shorten. A
variant named `short ...` is trained by epochs, as searches do; the seconds of that are printed. The test part is
left alone.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from benchmarks.plain_networks import NETWORKS
from benchmarks.report import mean_and_spread, print_header
from nas import plugins
from nas.exports.training import TrainingRecipe
from workers.data.dataset import Dataset, ProxyData, Request
from workers.training.loop import ResidentData, Training, prepare_weights
from workers.training.optimiser import Optimiser
from workers.training.policy import TrainingTask, policy
from workers.training.setting import FP32


class Pictures(NamedTuple):
    """A data set, its numbers of pictures to train and to validate on, and the seconds that show a difference."""

    dataset: str
    train: int
    validation: int
    seconds: float


DATA = {
    "cifar10-small": Pictures("imagefolder:{}/cifar10-small", 8000, 2000, 16),
    "fashion-10k": Pictures("fashion-mnist", 10_000, 5000, 12),
    "fashion-1k": Pictures("fashion-mnist", 1000, 5000, 6),
    "digits": Pictures("digits", 900, 538, 4),
}
SIZES_PX = {"imagefolder": 32}
# Pictures and epochs of a search's proxies.
SHORT = {"cifar10-small": (4000, 3), "fashion-10k": (2000, 2), "fashion-1k": (800, 5), "digits": (400, 4)}


def _as_is(model: nn.Module) -> None:
    pass


def partial_identity(model: nn.Module) -> None:
    """Start each convolution that is no narrower than its input as an identity (Jordan, arXiv 2404.00498)."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.groups == 1 and 8 <= module.in_channels <= module.out_channels:
            nn.init.dirac_(module.weight.data[: module.in_channels])


def trained_first_layer(model: nn.Module) -> None:
    model.requires_grad_(True)


def sgd(rate: float, bias_rate: float = 1.0) -> Callable[[nn.Module], Optimiser]:
    """Return a factory of Nesterov's SGD, with another rate for norms' scales and biases."""

    def make(model: nn.Module) -> Optimiser:
        learned = [weight for weight in model.parameters() if weight.requires_grad]
        groups = [
            {"params": [weight for weight in learned if weight.ndim > 1], "weight_decay": 5e-4},
            {"params": [weight for weight in learned if weight.ndim <= 1], "lr": rate * bias_rate},
        ]
        return Optimiser([torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True, fused=True)])

    return make


@dataclass(frozen=True)
class Variant:
    """Changes to the policy's recipe, to the prepared network, or another optimiser."""

    change: Callable[[TrainingRecipe], TrainingRecipe] = lambda recipe: recipe
    prepare: Callable[[nn.Module], None] = _as_is
    optimiser: Callable[[nn.Module], Optimiser] | None = None
    short: bool = False


def with_fields(**fields: object) -> Callable[[TrainingRecipe], TrainingRecipe]:
    return lambda recipe: replace(recipe, **fields)  # type: ignore[arg-type]


def scaled(rate: float, batch: float = 1.0) -> Callable[[TrainingRecipe], TrainingRecipe]:
    return lambda recipe: replace(
        recipe, learning_rate=recipe.learning_rate * rate, batch_size=round(recipe.batch_size * batch)
    )


def legacy(recipe: TrainingRecipe) -> TrainingRecipe:
    return TrainingRecipe(recipe.epochs, 32, 3e-3, time_s=recipe.time_s)


PLAIN = {"optimiser": "adamw", "whiten": False, "label_smoothing": 0.0, "mirror": "random"}
VARIANTS = {
    "policy": Variant(),
    "legacy": Variant(legacy),
    "adamw 3e-3": Variant(with_fields(**PLAIN, learning_rate=3e-3)),
    "adamw 8e-3": Variant(with_fields(**PLAIN, learning_rate=8e-3)),
    "adamw 8e-3, whitening": Variant(with_fields(**{**PLAIN, "whiten": True}, learning_rate=8e-3)),
    "sgd 0.3": Variant(with_fields(**PLAIN), optimiser=sgd(0.3)),
    "sgd 0.3, biases x 16": Variant(with_fields(**PLAIN), optimiser=sgd(0.3, 16)),
    "sgd 0.3, whitening": Variant(optimiser=sgd(0.3)),
    "rate x 1/2": Variant(scaled(0.5)),
    "rate x 2": Variant(scaled(2)),
    "batch x 1/2": Variant(scaled(0.7, 0.5)),
    "batch x 2": Variant(scaled(1.4, 2)),
    "no whitening": Variant(with_fields(whiten=False)),
    "whitening, then trained": Variant(prepare=trained_first_layer),
    "partial identity": Variant(prepare=partial_identity),
    "mirrored at random": Variant(with_fields(mirror="random")),
    "smoothing 0": Variant(with_fields(label_smoothing=0.0)),
    "smoothing 0.1": Variant(with_fields(label_smoothing=0.1)),
    "smoothing 0.2": Variant(with_fields(label_smoothing=0.2)),
    "average 0.98": Variant(with_fields(ema_decay=0.98)),
    "triangle": Variant(with_fields(schedule="triangle")),
    "warm-up 0.1": Variant(with_fields(warm_up=0.1)),
    "short policy": Variant(short=True),
    "short legacy": Variant(legacy, short=True),
    "short, no whitening": Variant(with_fields(whiten=False), short=True),
    "short, slow statistics": Variant(with_fields(fast_statistics=False), short=True),
    "short, batch x 1/2": Variant(scaled(0.7, 0.5), short=True),
    "short, batch x 2": Variant(scaled(1.4, 2), short=True),
}


class TrainingResult(NamedTuple):
    """The accuracy of a training, its epochs and its processor time."""

    accuracy: float
    epochs: float
    seconds: float


def pictures(name: str, data_dir: Path, *, short: bool) -> tuple[ProxyData, Dataset]:
    """Load the pictures; those held out are the same for all variants."""
    selection = DATA[name]
    plugin, _, argument = selection.dataset.format(data_dir).partition(":")
    dataset: Dataset = plugins.load(plugins.DATASETS, plugin)
    source = dataset.open(Request(argument or None, data_dir, False), "train")
    order = np.random.default_rng(123).permutation(len(source.labels))
    size_px = SIZES_PX.get(plugin, dataset.size_px)
    validation, others = order[: selection.validation], order[selection.validation :]
    training = others[: SHORT[name][0] if short else selection.train]
    data = ProxyData(
        source.images(training, size_px),
        source.labels[training],
        source.images(validation, size_px),
        source.labels[validation],
        len(source.classes),
        dataset.flip,
        round(dataset.shift * size_px),
    )
    return data, dataset


def train(
    variant: Variant, name: str, data: ProxyData, make: Callable[..., nn.Module], seconds: float, seed: int
) -> TrainingResult:
    """Train a network from scratch."""
    torch.manual_seed(seed)
    images, channels, size_px, _ = data.train_images.shape
    task = TrainingTask(images, size_px, channels, data.classes, data.flip)
    epochs = SHORT[name][1] if variant.short else None
    recipe = variant.change(policy(task, epochs=epochs, time_s=None if epochs else seconds))
    model = make(channels, size_px, data.classes)
    resident = ResidentData(data, torch.device("cpu"))
    started = time.process_time()
    prepare_weights(model, resident, recipe)
    variant.prepare(model)
    FP32.place(model)
    training = Training(
        model,
        resident,
        recipe,
        torch.Generator().manual_seed(seed),
        FP32,
        clock=time.process_time,
        prepared=True,
        optimiser=variant.optimiser and variant.optimiser(model),
    )
    while not training.is_over:
        training.train_epoch()
    train_s = time.process_time() - started
    return TrainingResult(training.accuracy(), training.steps / (images // recipe.batch_size), train_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--data", choices=DATA, nargs="+", default=list(DATA))
    parser.add_argument("--network", choices=NETWORKS, nargs="+", default=["cnn"])
    parser.add_argument("--variant", choices=VARIANTS, nargs="+", default=list(VARIANTS))
    parser.add_argument("--seconds", type=float, help="By default what shows a difference on the data set.")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print_header(f"parts of the training recipe, {arguments.seeds} seeds from {arguments.first_seed}")
    for name in arguments.data:
        for variant_name in arguments.variant:
            variant = VARIANTS[variant_name]
            data, _ = pictures(name, arguments.data_dir.resolve(), short=variant.short)
            for network in arguments.network:
                seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
                seconds = arguments.seconds or DATA[name].seconds
                results = [train(variant, name, data, NETWORKS[network], seconds, seed) for seed in seeds]
                mean = [statistics.fmean(column) for column in zip(*results, strict=True)]
                print(
                    f"{name}, {network}, {variant_name}: {mean_and_spread([result.accuracy for result in results])}, "
                    f"{mean[1]:.1f} epochs, {mean[2]:.1f} s, {len(data.train_labels) * mean[1] / mean[2]:.0f} "
                    "images a second",
                    flush=True,
                )


if __name__ == "__main__":
    main()
