"""The recipe policy of `nas search` and `nas retrain`: chooses a recipe by the data and the length of the training.

docs/training.md has the experiments behind each rule; benchmarks/recipe.py repeats them.
"""

from dataclasses import dataclass

from nas.exports.training import TrainingRecipe

POLICY = "policy"
# Peak rate at this batch size; for others it scales with the square root, as the noise of gradients does.
LEARNING_RATE = 6e-3
BATCH = 128
# Batches are smaller where there would be fewer steps than this; below MIN_BATCH a step's fixed cost dominates.
MIN_STEPS = 150
MIN_BATCH = 32
# With fewer steps in an epoch batches are large parts of the images and differ too little.
MIN_STEPS_PER_EPOCH = 8
# Label smoothing helps only where each image is seen often.
MIN_EPOCHS_FOR_SMOOTHING = 20
LABEL_SMOOTHING = 0.1
# So does mixup, where each is seen so often that a small network knows all of them by heart.
MIN_EPOCHS_FOR_MIXUP = 50
MIXUP = 0.2
# Images to present in a training of unknown length, and the limits of its epochs.
IMAGES_TO_PRESENT = 1_000_000
MIN_EPOCHS, MAX_EPOCHS = 20, 200
# Fewer validation images say little about an accuracy; folds, at most MAX_FOLDS, make up for them.
MIN_VALIDATION_IMAGES = 500
MAX_FOLDS = 4


@dataclass(frozen=True)
class TrainingTask:
    """A training's data as a recipe depends on it: the number of images, their shorter side, channels and classes.

    `mirrors` says whether a mirrored image keeps its class.
    """

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
    """The recipe for a number of epochs or a time, for `worthwhile_epochs` where neither is given.

    A given batch size and learning rate are kept.
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
        label_smoothing=LABEL_SMOOTHING if planned >= MIN_EPOCHS_FOR_SMOOTHING else 0.0,
        mirror="alternate" if task.mirrors else "random",
        whiten=True,
        fast_statistics=True,
        mixup=MIXUP,
        mix_from_epochs=MIN_EPOCHS_FOR_MIXUP,
        time_s=time_s,
    )


def worthwhile_epochs(task: TrainingTask) -> int:
    """The number of epochs after which further ones raise the accuracy little."""
    return min(MAX_EPOCHS, max(MIN_EPOCHS, round(IMAGES_TO_PRESENT / task.images)))


def folds(validation_images: int, images: int) -> int:
    """The number of folds whose validation images together are enough, at `validation_images` each of all `images`."""
    return max(1, min(MAX_FOLDS, -(-min(MIN_VALIDATION_IMAGES, images) // validation_images)))


def _batch(task: TrainingTask, epochs: int) -> int:
    limit = min(epochs * task.images // MIN_STEPS, task.images // MIN_STEPS_PER_EPOCH, BATCH)
    # A power of two.
    return max(MIN_BATCH, 1 << max(0, limit.bit_length() - 1))
