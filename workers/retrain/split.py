"""Which of the training part's images train and which validate during a full training. The test part is for the end."""

import numpy as np
from numpy.typing import NDArray

VALIDATION_FRACTION = 0.05
MOST_VALIDATION_IMAGES = 5000


def split_indices(images: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices to train on and to validate on: a seeded twentieth of the images, 5,000 at most and 1 at least."""
    order = np.random.default_rng(seed).permutation(images)
    held_out = min(MOST_VALIDATION_IMAGES, max(1, round(images * VALIDATION_FRACTION)))
    return order[held_out:], order[:held_out]
