"""Which of the training part's images train and which validate during a full training. The test part is for the end."""

import numpy as np
from numpy.typing import NDArray


def split_indices(images: int, share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices to train on and to validate on: a seeded share of the images, at least one unless it is nought."""
    order = np.random.default_rng(seed).permutation(images)
    held_out = min(images - 1, max(1, round(images * share))) if share else 0
    return order[held_out:], order[:held_out]
