"""The recipe policy of `nas search` and `nas retrain`: from the data and the length of a training to its recipe.

docs/training.md has the experiments behind each rule; benchmarks/recipe.py repeats them.
"""

from dataclasses import dataclass

from nas.export.training import TrainingRecipe

POLICY = "policy"
# Peak rate at this batch; for others it goes with the batch's root, as the noise of its gradients does.
LEARNING_RATE = 6e-3
BATCH = 128
# Fewer images in a step where there would be fewer steps than this; below the smallest batch a step's fixed cost rules.
MIN_STEPS = 150
MIN_BATCH = 32
# Steps in an epoch, at least: batches of a large part of few images differ too little.
MIN_STEPS_PER_EPOCH = 8
# Smoothing pays where each image is seen often.
SMOOTHED_EPOCHS = 20
LABEL_SMOOTHING = 0.1
# Images to present in a training of unknown length, and how many epochs that may be.
PRESENTED = 1_000_000
MIN_EPOCHS, MAX_EPOCHS = 20, 200
# Verdicts on fewer images say little of an accuracy; so many trainings at most are spent on them.
JUDGED_IMAGES = 500
MAX_FOLDS = 4


@dataclass(frozen=True)
class TrainingTask:
    """What a recipe depends on: training images, their size, channels and classes, and whether a mirror image of one
    keeps its class."""

    images: int
    size_px: int
    channels: int
    classes: int
    mirrors: bool


def policy(
    task: TrainingTask,
    *,
    epochs: int | None = None,
    time_s: float | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
) -> TrainingRecipe:
    """The recipe for so many epochs or so much time, `worthwhile_epochs` where neither is given.

    A batch size and a learning rate that are given stand.
    """
    planned = epochs or worthwhile_epochs(task)
    batch = batch_size or _batch(task, planned)
    return TrainingRecipe(
        epochs=planned if time_s is None else 0,
        batch_size=batch,
        learning_rate=learning_rate or LEARNING_RATE * (batch / BATCH) ** 0.5,
        name=POLICY,
        optimiser="muon",
        vector_decay=False,
        label_smoothing=LABEL_SMOOTHING if planned >= SMOOTHED_EPOCHS else 0.0,
        mirror="alternate" if task.mirrors else "random",
        whiten=True,
        fast_statistics=True,
        time_s=time_s,
    )


def worthwhile_epochs(task: TrainingTask) -> int:
    """Epochs after which further ones raise the accuracy little."""
    return min(MAX_EPOCHS, max(MIN_EPOCHS, round(PRESENTED / task.images)))


def folds(judged: int, images: int) -> int:
    """Trainings that must share a verdict for it to be on enough images, where each is judged on `judged` of them."""
    return max(1, min(MAX_FOLDS, -(-min(JUDGED_IMAGES, images) // judged)))


def _batch(task: TrainingTask, epochs: int) -> int:
    most = min(epochs * task.images // MIN_STEPS, task.images // MIN_STEPS_PER_EPOCH, BATCH)
    # A power of two.
    return max(MIN_BATCH, 1 << max(0, most.bit_length() - 1))
