"""The size of an image folder's pictures decides what a search trains at, and which member of a family it searches."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.evaluation import EvaluationOptions
from nas.space.loading import load_space
from workers.training.proxy import prepare


def folder_of(path: Path, width_px: int, height_px: int) -> Path:
    draws = np.random.default_rng(0)
    for name in ("one", "other"):
        (path / name).mkdir(parents=True)
        for number in range(8):
            pixels = draws.integers(0, 255, (height_px, width_px, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path / name / f"{number}.png")
    return path


@pytest.mark.parametrize(
    ("width_px", "height_px", "size_px", "space"),
    [(32, 48, 32, "hybrid-32"), (300, 200, 64, "hybrid-64"), (5, 9, 8, "hybrid-8"), (16, 16, 16, "hybrid-16")],
)
def test_pictures_are_taken_at_their_own_size_up_to_64_px(
    width_px: int, height_px: int, size_px: int, space: str, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path / "pictures", width_px, height_px)
    evaluation = prepare(EvaluationOptions(dataset=f"imagefolder:{folder}", device="cpu"), load_space("hybrid"))
    assert evaluation.settings["input"]["height_px"] == size_px
    assert evaluation.space.name == space
