"""Proxy training: AdamW under a warm-up and cosine schedule on data that stays in memory."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.trial import CurvePoint
from workers.augment import augment
from workers.datasets.dataset import ProxyData
from workers.training_setting import Setting, candidates, quickest

WARM_UP = 0.2
EVALUATION_BATCH = 256
# Before the last epoch a quarter as many validation images as an epoch trains on must do, and at least so many: judging
# each epoch on all would cost a third of a short training.
GLANCE = 256


class NonFiniteLossError(Exception):
    """The training loss became NaN or infinite."""


@dataclass(frozen=True)
class Recipe:
    """How a proxy is trained. `learning_rate` is the schedule's peak, `precision` one of PRECISIONS."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.05
    precision: str = "auto"


class ResidentData:
    """A ProxyData on the training device, as uint8; a batch is normalised by the training part's statistics."""

    def __init__(self, data: ProxyData, device: torch.device) -> None:
        self.train_images, self.validation_images = (
            torch.tensor(images, device=device) for images in (data.train_images, data.validation_images)
        )
        self.train_labels, self.validation_labels = (
            torch.tensor(labels, device=device) for labels in (data.train_labels, data.validation_labels)
        )
        pixels = self.train_images.float()
        self.mean_1C11 = pixels.mean((0, 2, 3), keepdim=True)
        self.std_1C11 = pixels.std((0, 2, 3), keepdim=True).clamp_min(1.0)
        self.flip = data.flip
        self.shift_px = data.shift_px

    def normalise(self, images: Tensor) -> Tensor:
        return (images.float() - self.mean_1C11) / self.std_1C11


def choose_setting(
    model: nn.Module,
    data: ResidentData,
    recipe: Recipe,
    step: Callable[[], AbstractContextManager[None]] = nullcontext,
    clock: Callable[[], float] = time.perf_counter,
) -> Setting:
    """The fastest setting to train the model in by the recipe; its weights are laid out for it. Raises as `train`."""
    batch = min(recipe.batch_size, len(data.train_labels))
    among = candidates(recipe.precision, recipe.epochs * (len(data.train_labels) // batch))
    x_BCHW = data.normalise(data.train_images[:batch])
    with step():
        return quickest(model.train(), x_BCHW, data.train_labels[:batch], among, clock)


def train(
    model: nn.Module,
    data: ResidentData,
    recipe: Recipe,
    generator: torch.Generator,
    setting: Setting,
    step: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[CurvePoint]:
    """Train `model`, which is laid out for the setting, in place; after each epoch, its point on the learning curve.

    The last one is of all validation images.

    Each step, and each validation, runs inside `step()`.

    Raises NonFiniteLossError as soon as a loss is not finite, and whatever torch raises when memory runs out.
    """
    images = len(data.train_labels)
    device = data.train_labels.device
    batch = min(recipe.batch_size, images)
    steps = images // batch
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        max_lr=recipe.learning_rate,
        total_steps=max(2, recipe.epochs * steps),
        pct_start=WARM_UP,
        cycle_momentum=False,
    )
    for epoch in range(1, recipe.epochs + 1):
        started = time.perf_counter()
        model.train()
        total = 0.0
        order = torch.randperm(images, generator=generator).to(device)
        for chosen in torch.split(order[: steps * batch], batch):
            with step():
                x_BCHW = augment(
                    data.train_images[chosen].float(), shift_px=data.shift_px, flip=data.flip, generator=generator
                )
                with setting.cast(device):
                    logits_BK = model(setting.batch(data.normalise(x_BCHW)))
                    loss = F.cross_entropy(logits_BK, data.train_labels[chosen])
                value = loss.item()
                if not math.isfinite(value):
                    raise NonFiniteLossError(f"training loss became {value} in epoch {epoch}")
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                schedule.step()
            total += value
        with step():
            glance = max(GLANCE, images // 4)
            accuracy = evaluate(model, data, setting, most=None if epoch == recipe.epochs else glance)
        yield CurvePoint(epoch, accuracy, total / steps, time.perf_counter() - started)


@torch.inference_mode()
def evaluate(model: nn.Module, data: ResidentData, setting: Setting, most: int | None = None) -> float:
    """Accuracy on the validation images, 0 to 1; on the first `most` of them, if that is given."""
    model.eval()
    correct = 0
    judged = data.validation_labels[:most]
    batches = (torch.split(each, EVALUATION_BATCH) for each in (data.validation_images[:most], judged))
    for images, labels in zip(*batches, strict=True):
        with setting.cast(labels.device):
            logits_BK = model(setting.batch(data.normalise(images)))
        correct += int((logits_BK.argmax(1) == labels).sum())
    return correct / len(judged)
