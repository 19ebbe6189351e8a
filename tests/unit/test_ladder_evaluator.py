"""The evaluator of longer trainings: their data, recipes and memory, and the test part of the data set."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.evaluation import EvaluationOptions
from nas.space.loading import load_space
from nas.trial import Fidelity
from workers.ladder.evaluator import LadderEvaluator, prepare

BASE, TARGET = Fidelity(500, 10), Fidelity(2000, 12)
HYBRID = load_space("hybrid")


def arrays() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (3000, 8, 8, 3), dtype=np.uint8), np.arange(3000) % 4


def reaching(**options: int) -> LadderEvaluator:
    asked = EvaluationOptions(
        pictures=arrays(), train_size=BASE.images, epochs=BASE.epochs, device="cpu", latency_precision=0.2, **options
    )
    evaluation = prepare(asked, HYBRID)
    assert evaluation.reaching is not None
    evaluator = evaluation.reaching((BASE, TARGET))
    assert isinstance(evaluator, LadderEvaluator)
    return evaluator


def test_longer_trainings_have_the_trials_images_and_more() -> None:
    evaluator = reaching()
    assert len(evaluator.proxy.data.train_labels) == BASE.images
    assert len(evaluator.data.train_labels) == TARGET.images
    assert np.array_equal(evaluator.data.train_images[: BASE.images], evaluator.proxy.data.train_images)
    assert np.array_equal(evaluator.data.validation_images, evaluator.proxy.data.validation_images)


@pytest.mark.parametrize(("options", "batch_size"), [({}, 128), ({"batch_size": 64}, 64)])
def test_a_recipe_is_the_policys_with_what_the_user_has_chosen(options: dict[str, int], batch_size: int) -> None:
    evaluator = reaching(**options)
    # Of few images in few epochs the policy makes small batches.
    assert evaluator.recipes[BASE].batch_size == evaluator.proxy.recipe.batch_size == options.get("batch_size", 32)
    assert evaluator.recipes[TARGET].batch_size == batch_size
    assert evaluator.recipes[TARGET].epochs == TARGET.epochs


def test_pictures_in_memory_have_no_test_part() -> None:
    assert prepare(EvaluationOptions(pictures=arrays(), device="cpu", latency_precision=0.2), HYBRID).test is None


def test_the_test_part_becomes_images_by_the_rules_of_the_training_part(tmp_path: Path) -> None:
    """Its pictures are darker, so that by themselves they would have another white."""
    for part, largest, count in (("train", 4000, 40), ("test", 900, 6)):
        for label in ("a", "b"):
            folder = tmp_path / "deep" / part / label
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = np.full((16, 16), number + 1, dtype=np.uint16)
                pixels[0, 0] = largest
                Image.fromarray(pixels).save(folder / f"{number}.png")
    options = EvaluationOptions(
        dataset=f"imagefolder:{tmp_path / 'deep'}", device="cpu", latency_precision=0.2, index_folder=tmp_path
    )
    evaluation = prepare(options, HYBRID)
    assert evaluation.evaluator.rules.white == 4095  # type: ignore[attr-defined]
    judged = evaluation.test.__self__.pictures  # type: ignore[union-attr]
    assert judged.decoded(slice(None)).max() == round(255 * 900 / 4095)
