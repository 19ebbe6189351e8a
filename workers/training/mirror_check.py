"""A quick look at whether mirroring harms: a small network is trained briefly with and without it, and judged alike.

Where classes tell left from right, as arrows or letters do, a mirrored picture is one of another class.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from nas import plugins
from nas.options import PLAIN_ACCURACY
from workers.data.dataset import ProxyData
from workers.latency.measurement_lock import locks_for, shared_step
from workers.training.judgement import Judgement
from workers.training.loop import ResidentData, Training
from workers.training.policy import TrainingTask, policy
from workers.training.setting import FP32

NETWORK = "plain-cnn-s"
# Pictures of a training, their larger side, and the pictures that are presented to it in all.
MAX_IMAGES, MAX_PX, PRESENTED = 1000, 32, 10_000
# Fewer epochs teach a network little, and more take too long where there are few pictures.
MIN_EPOCHS, MAX_EPOCHS = 10, 40
# The longest that it takes, and the largest share of a search or a training by time.
MAX_SECONDS, MAX_SHARE = 10.0, 0.05
# Of fewer pictures too few are held out to tell.
MIN_IMAGES = 50
# Mirroring harms where it costs this much accuracy, and more than this many standard errors.
MIN_COST, MIN_ERRORS = 0.05, 3.0


def mirroring_warning(data: ProxyData, seed: int, limit_s: float = MAX_SECONDS) -> str | None:
    """Word the warning that mirroring costs accuracy on this data; None where it does not, or the time is too short.

    On the CPU, by the seed alone; torch's global generator is left as it was.
    """
    if len(data.train_labels) + len(data.validation_labels) < MIN_IMAGES:
        return None
    deadline = time.monotonic() + min(limit_s, MAX_SECONDS)
    folds = [_reduced(fold) for fold in (data, *data.further_folds)]
    with torch.random.fork_rng(devices=()):
        plain = _judged(folds, seed, deadline, flip=False)
        mirrored = None if plain is None else _judged(folds, seed, deadline, flip=True)
    if plain is None or mirrored is None:
        return None
    right, right_mirrored = (judgement.predicted == judgement.labels for judgement in (plain, mirrored))
    lost, gained = int((right & ~right_mirrored).sum()), int((right_mirrored & ~right).sum())
    # The pictures on which both agree say nothing of the difference (McNemar's test).
    is_certain = lost - gained > MIN_ERRORS * math.sqrt(lost + gained)
    if not is_certain or lost - gained < MIN_COST * len(plain.labels):
        return None
    images = len(folds[0].train_labels) + len(folds[0].validation_labels)
    return (
        f"mirroring costs accuracy here: {plain.value:.2f} without, {mirrored.value:.2f} with it (a small network on "
        f"{images} pictures); --no-flip turns it off, --flip this warning"
    )


def _judged(folds: Sequence[ProxyData], seed: int, deadline: float, *, flip: bool) -> Judgement | None:
    """Train the network on each fold, and judge it on the pictures held out; None where that is not over in time."""
    judgements = []
    for fold in folds:
        data = ResidentData(replace(fold, flip=flip), torch.device("cpu"))
        images, channels, height_px, _ = fold.train_images.shape
        epochs = min(max(round(PRESENTED / images), MIN_EPOCHS), MAX_EPOCHS)
        recipe = policy(TrainingTask(images, height_px, channels, fold.classes, flip), epochs=epochs)
        torch.manual_seed(seed)
        model = plugins.load(plugins.BASELINES, NETWORK)(fold.model_input)
        FP32.place(model)
        generator = torch.Generator().manual_seed(seed)
        training = Training(model, data, recipe, generator, FP32, partial(shared_step, locks_for("cpu")))
        while not training.is_over:
            training.train_epoch()
            if time.monotonic() > deadline:
                return None
        training.accuracy()
        judgements.append(training.judgement)
    return Judgement.pooled(judgements)


def _reduced(data: ProxyData) -> ProxyData:
    """At most MAX_IMAGES of the pictures of each part, at most MAX_PX large."""
    return replace(
        data,
        train_images=_shrunk(data.train_images[:MAX_IMAGES]),
        train_labels=data.train_labels[:MAX_IMAGES],
        validation_images=_shrunk(data.validation_images[:MAX_IMAGES]),
        validation_labels=data.validation_labels[:MAX_IMAGES],
        shift_px=round(data.shift_px * min(1.0, MAX_PX / max(data.train_images.shape[2:]))),
        metric=PLAIN_ACCURACY,
        further_folds=(),
    )


def _shrunk(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height_px, width_px = images.shape[2:]
    scale = min(1.0, MAX_PX / max(height_px, width_px))
    if scale == 1.0:
        return images
    size = (max(1, round(height_px * scale)), max(1, round(width_px * scale)))
    shrunk = F.interpolate(torch.from_numpy(images).float(), size, mode="bilinear", antialias=True)
    return shrunk.round().clamp(0, 255).to(torch.uint8).numpy()
