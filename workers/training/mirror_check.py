"""A quick look at whether mirroring harms: a small network is trained briefly with and without it, and judged alike.

Where classes tell left from right, as arrows or letters do, a mirrored picture is one of another class.
"""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
# Pictures of each part, their larger side, and the pictures that a training presents, each several times: a second or
# two of one core.
MAX_IMAGES, MAX_PX, PRESENTED, MIN_EPOCHS = 640, 32, 3200, 10
# Further splits make up for fewer held-out pictures than this; of fewer than MIN_IMAGES in all nothing can be told.
MIN_JUDGED, MIN_IMAGES = 40, 50
# Mirroring harms where it costs this much accuracy, and more than this many standard errors. (Of Fashion-MNIST and
# CIFAR-10, which it does not harm, it cost at most .037 with 640 pictures, in 5 runs.)
MIN_COST, MIN_ERRORS = 0.05, 3.0


def mirroring_warning(data: ProxyData, seed: int, limit_s: float = math.inf) -> str | None:
    """Word the warning that mirroring costs accuracy on this data; None where it does not, or the time is too short.

    On one core, by the seed alone; torch's global generator is left as it was.
    """
    deadline = time.monotonic() + limit_s
    if len(data.train_labels) + len(data.validation_labels) < MIN_IMAGES:
        return None
    needed = math.ceil(MIN_JUDGED / len(data.validation_labels))
    folds = [_reduced(fold) for fold in (data, *data.further_folds)[:needed]]
    with _alone():
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
    return (
        f"mirroring costs accuracy here: {plain.value:.2f} without, {mirrored.value:.2f} with it (a small network, "
        f"{len(plain.labels)} pictures); --no-flip turns it off, --flip this warning"
    )


@contextmanager
def _alone() -> Iterator[None]:
    """Leave torch's generator and number of threads as they were; one thread, so that machines agree."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=()):
            yield
    finally:
        torch.set_num_threads(threads)


def _judged(folds: Sequence[ProxyData], seed: int, deadline: float, *, flip: bool) -> Judgement | None:
    """Train the network on each fold, and judge it on the pictures held out; None where that is not over in time."""
    judgements = []
    for fold in folds:
        data = ResidentData(replace(fold, flip=flip), torch.device("cpu"))
        images, channels, height_px, _ = fold.train_images.shape
        task = TrainingTask(images, height_px, channels, fold.classes, flip)
        recipe = policy(task, epochs=max(MIN_EPOCHS, round(PRESENTED / images)))
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
