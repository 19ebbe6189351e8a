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
PROBED_SHARE = 0.08
HELD_OUT = 0.1
# Pictures that are judged at a time.
JUDGED = 250

# A network for training pictures x_NCHW of so many classes.
Make = Callable[[Tensor, int], nn.Module]


class Trained(NamedTuple):
    model: nn.Module
    steps: int
    epochs: float


def train(make: Make, data: Labelled, classes: int, seconds: float, rate: float, flip: bool, seed: int) -> Trained:
    """Train for that many seconds: warm-up over 5% of them, cosine, crop, and flip where it is allowed."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = make(data.images, classes)
    model.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(
        (each for each in model.parameters() if each.requires_grad), lr=rate, weight_decay=WEIGHT_DECAY
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
    guesses = [model(x_BCHW).argmax(1) for x_BCHW in torch.split(data.images, JUDGED)]
    return float((torch.cat(guesses) == data.labels).float().mean())


def chosen_rate(make: Make, data: Labelled, classes: int, seconds: float, flip: bool, seed: int) -> dict[float, float]:
    """Accuracies on a held-out tenth of the training part by learning rate, the probes `seconds` long together."""
    order = torch.randperm(len(data.labels), generator=torch.Generator().manual_seed(seed))
    held_out = max(1, round(HELD_OUT * len(order)))
    judged, trained_on = data.at(order[:held_out]), data.at(order[held_out:])
    each_s = seconds / len(RATES)
    return {rate: accuracy(train(make, trained_on, classes, each_s, rate, flip, seed).model, judged) for rate in RATES}


def shipped(make: Make, pictures: Pictures, seconds: float, flip: bool, seed: int) -> tuple[nn.Module, dict[str, Any]]:
    """The baseline after its probes and its final training on the whole training part, with its figures."""
    probes = chosen_rate(make, pictures.train, pictures.classes, PROBED_SHARE * seconds, flip, seed)
    rate = max(probes, key=probes.__getitem__)
    trained = train(make, pictures.train, pictures.classes, seconds, rate, flip, seed)
    return trained.model, {
        "accuracy": accuracy(trained.model, pictures.test),
        "learning_rate": rate,
        "probes": {f"{each:g}": found for each, found in probes.items()},
        "epochs": round(trained.epochs, 1),
    }


def _augmented(x_BCHW: Tensor, flip: bool, generator: torch.Generator) -> Tensor:
    """Shifted by up to an eighth of its size, all pictures of a batch alike; half of them mirrored."""
    height, width = x_BCHW.shape[2:]
    margin = round(height / 8)
    top, left = torch.randint(0, 2 * margin + 1, (2,), generator=generator).tolist()
    x_BCHW = F.pad(x_BCHW, [margin] * 4)[:, :, top : top + height, left : left + width]
    if not flip:
        return x_BCHW
    mirrored_B111 = torch.rand(len(x_BCHW), 1, 1, 1, generator=generator) < 0.5
    return torch.where(mirrored_B111, x_BCHW.flip(-1), x_BCHW)
