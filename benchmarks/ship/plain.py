"""The plain training loop that a user writes: AdamW for a given time, the learning rate chosen by short probes."""

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.ship.cases import Labelled, Pictures

BATCH, WEIGHT_DECAY, SMOOTHING, WARM_UP = 128, 0.05, 0.1, 0.05
RATES = (1e-3, 3e-3, 1e-2)
# All probes together, over the final training's time; they come on top of it.
PROBES_SHARE = 0.08
HELD_OUT = 0.1
# Pictures of a batch in the test.
TEST_BATCH = 250

# Builds a network for training pictures x_NCHW and a number of classes.
NetworkFactory = Callable[[Tensor, int], nn.Module]


class Trained(NamedTuple):
    model: nn.Module
    steps: int
    epochs: float


def train(
    make: NetworkFactory, data: Labelled, classes: int, seconds: float, rate: float, flip: bool, seed: int
) -> Trained:
    """Train for `seconds`: warm-up over 5% of them, cosine, crop, and flip where it is allowed."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = make(data.images, classes)
    model.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(
        (weight for weight in model.parameters() if weight.requires_grad), lr=rate, weight_decay=WEIGHT_DECAY
    )
    steps, started = 0, time.perf_counter()
    batches_per_epoch = max(1, len(data.labels) // BATCH)
    while True:
        order = torch.randperm(len(data.labels), generator=generator)
        for batch in torch.split(order, BATCH)[:batches_per_epoch]:
            share = (time.perf_counter() - started) / seconds
            if share >= 1:
                return Trained(model.eval(), steps, steps / batches_per_epoch)
            for group in optimiser.param_groups:
                group["lr"] = rate * min(1, share / WARM_UP) * (1 + math.cos(math.pi * share)) / 2
            optimiser.zero_grad()
            x_BCHW = _augmented(data.images[batch], flip, generator).contiguous(memory_format=torch.channels_last)
            loss = F.cross_entropy(model(x_BCHW), data.labels[batch], label_smoothing=SMOOTHING)
            torch.autograd.backward(loss)
            optimiser.step()
            steps += 1


@torch.inference_mode()
def accuracy(model: nn.Module, data: Labelled) -> float:
    guesses = [model(x_BCHW).argmax(1) for x_BCHW in torch.split(data.images, TEST_BATCH)]
    return float((torch.cat(guesses) == data.labels).float().mean())


def probe_rates(
    make: NetworkFactory, data: Labelled, classes: int, seconds: float, flip: bool, seed: int
) -> dict[float, float]:
    """Probe the learning rates in `seconds`; return their accuracies on a held-out tenth of the training part."""
    order = torch.randperm(len(data.labels), generator=torch.Generator().manual_seed(seed))
    held_out = max(1, round(HELD_OUT * len(order)))
    validation, training = data.at(order[:held_out]), data.at(order[held_out:])
    probe_s = seconds / len(RATES)
    return {
        rate: accuracy(train(make, training, classes, probe_s, rate, flip, seed).model, validation) for rate in RATES
    }


def shipped(
    make: NetworkFactory, pictures: Pictures, seconds: float, flip: bool, seed: int
) -> tuple[nn.Module, dict[str, Any]]:
    """Train the baseline on the whole training part after its probes; return it and its figures."""
    probes = probe_rates(make, pictures.train, pictures.classes, PROBES_SHARE * seconds, flip, seed)
    rate = max(probes, key=probes.__getitem__)
    trained = train(make, pictures.train, pictures.classes, seconds, rate, flip, seed)
    return trained.model, {
        "accuracy": accuracy(trained.model, pictures.test),
        "learning_rate": rate,
        "probes": {f"{probe:g}": probe_accuracy for probe, probe_accuracy in probes.items()},
        "epochs": round(trained.epochs, 1),
    }


def _augmented(x_BCHW: Tensor, flip: bool, generator: torch.Generator) -> Tensor:
    """Shift all pictures of a batch alike, by up to an eighth of their size; mirror half of them."""
    height, width = x_BCHW.shape[2:]
    max_shift = round(height / 8)
    top, left = torch.randint(0, 2 * max_shift + 1, (2,), generator=generator).tolist()
    x_BCHW = F.pad(x_BCHW, [max_shift] * 4)[:, :, top : top + height, left : left + width]
    if not flip:
        return x_BCHW
    mirrored_B111 = torch.rand(len(x_BCHW), 1, 1, 1, generator=generator) < 0.5
    return torch.where(mirrored_B111, x_BCHW.flip(-1), x_BCHW)
