"""The quick look at the data: classes that tell left from right, and classes that are rare."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from workers.data.dataset import ProxyData
from workers.training.advice import data_warnings, imbalance_warning
from workers.training.mirror_check import mirroring_warning


def arrows(images: int = 200, px: int = 20, *, upwards: bool = False) -> ProxyData:
    """Bright triangles that point left or right, or up or down, on noise."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, images)
    pictures = generator.integers(0, 100, (images, 1, px, px), dtype=np.int64).astype(np.uint8)
    for picture, label in zip(pictures[:, 0], labels, strict=True):
        top, left = generator.integers(0, px - 11, 2)
        shape = np.abs(np.arange(-5, 6))[:, None] <= np.arange(11)[None, :] // 2
        arrow = shape if label else shape[:, ::-1]
        picture[top : top + 11, left : left + 11][arrow.T if upwards else arrow] = 220
    held_out = images // 5
    return ProxyData(
        train_images=pictures[held_out:],
        train_labels=labels[held_out:],
        validation_images=pictures[:held_out],
        validation_labels=labels[:held_out],
        classes=2,
        flip=True,
        shift_px=2,
        class_counts={"left": 100, "right": 100},
    )


def test_arrows_to_the_left_and_to_the_right_are_not_to_be_mirrored() -> None:
    state = torch.get_rng_state()
    warning = mirroring_warning(arrows(), seed=0)
    assert warning is not None
    assert "mirroring costs accuracy here" in warning
    assert "--no-flip" in warning
    assert mirroring_warning(arrows(), seed=0) == warning
    # Trials draw as if nobody had looked.
    assert torch.equal(torch.get_rng_state(), state)


def test_arrows_up_and_down_may_be_mirrored() -> None:
    assert mirroring_warning(arrows(upwards=True), seed=0) is None


def test_nobody_looks_where_the_user_has_chosen_or_nothing_is_mirrored() -> None:
    assert list(data_warnings(arrows(), 0, is_flip_chosen=True)) == []
    assert list(data_warnings(replace(arrows(), flip=False), 0, is_flip_chosen=False)) == []
    assert mirroring_warning(arrows(), seed=0, limit_s=0.0) is None
    assert mirroring_warning(arrows(images=40), seed=0) is None


@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
def test_rare_classes_are_named(metric: str) -> None:
    warning = imbalance_warning({"a": 400, "b": 20, "c": 4, "none": 0}, metric)
    assert warning is not None
    assert "4 pictures of 'c' to 400 of 'a': --metric balanced_accuracy" in warning
    assert imbalance_warning({"a": 400, "b": 80}, metric) is None
    assert imbalance_warning({"a": 400, "b": 79}, metric) is not None


def test_who_counts_classes_alike_is_not_told() -> None:
    assert imbalance_warning({"a": 400, "b": 4}, "balanced_accuracy") is None
    assert imbalance_warning({"a": 400, "b": 4}, "f1_macro") is None
