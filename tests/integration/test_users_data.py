"""Data that is the user's own: pictures that must not be mirrored, and classes of which one is rare."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

import nas
from tests.conftest import run_nas

SEARCH = (
    *("search", "--study", "arrows", "--dataset", "imagefolder:arrows", "--epochs", "2", "--confirm", "0"),
    *("--workers", "1", "--latency-precision", "20%", "--baselines", "none"),
)


def arrows(folder: Path, to_the_left: int, to_the_right: int) -> None:
    """Pictures of triangles that point left or right."""
    generator = np.random.default_rng(0)
    right = np.abs(np.arange(-5, 6))[:, None] <= np.arange(11)[None, :] // 2
    for name, shape, count in (("left", right[:, ::-1], to_the_left), ("right", right, to_the_right)):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = generator.integers(0, 100, (16, 16)).astype(np.uint8)
            top, left = generator.integers(0, 6, 2)
            pixels[top : top + 11, left : left + 11][shape] = 220
            Image.fromarray(pixels).save(folder / name / f"{index}.png")


@pytest.mark.timeout(600)
def test_augmentation_metric_and_split_are_the_studys_and_its_networks(tmp_path: Path) -> None:
    arrows(tmp_path / "arrows", 12, 90)
    chosen = ("--no-flip", "--shift", "6%", "--metric", "balanced_accuracy")
    begun = run_nas([*SEARCH, *chosen, "--budget", "1"], tmp_path)
    assert begun.code == 0, begun.err
    assert "balanced accuracy" in begun.out
    # With that metric rare classes count as much as others.
    assert "imbalanced" not in begun.out + begun.err
    recorded = {"flip": False, "shift": 0.06, "metric": "balanced_accuracy", "split": "stratified"}
    settings = nas.load_study(f"sqlite:///{tmp_path / 'nas.db'}").settings
    assert {name: settings.get(name) for name in recorded} == recorded
    # The study goes on as it was begun, whether or not that is said again.
    went_on = run_nas([*SEARCH, "--budget", "2"], tmp_path)
    assert went_on.code == 0, went_on.err
    refused = run_nas([*SEARCH, "--flip", "--budget", "3"], tmp_path)
    assert refused.code == 2
    assert "was begun with flip False, not without flip" in refused.err
    assert "balanced accuracy" in run_nas(["front"], tmp_path).out
    assert run_nas(["export", "--pick", "accuracy", "--output", "best.yaml"], tmp_path).code == 0
    provenance = yaml.safe_load((tmp_path / "best.yaml").read_text())["provenance"]
    assert {name: provenance.get(name) for name in recorded} == recorded
    retrained = run_nas(["retrain", "best.yaml", "--epochs", "1", "--output", "out"], tmp_path)
    assert retrained.code == 0, retrained.err
    assert "test balanced accuracy" in retrained.out
    kept = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert {name: kept.get(name) for name in recorded} == recorded
    other = run_nas(["retrain", "best.yaml", "--epochs", "1", "--flip", "--output", "out"], tmp_path)
    assert other.code == 2
    assert "holds a training with flip False, not at its default" in other.err


def test_a_search_warns_of_mirroring_that_harms(tmp_path: Path) -> None:
    arrows(tmp_path / "arrows", 60, 60)
    warnings: list[str] = []

    class Warnings(nas.Callback):
        def noted(self, event: str, fields: Mapping[str, Any]) -> None:
            warnings.extend([fields["message"]] if event == "warning" else [])

    nas.search(
        dataset=f"imagefolder:{tmp_path / 'arrows'}",
        storage=f"sqlite:///{tmp_path / 'nas.db'}",
        budget=1,
        epochs=1,
        confirm=0,
        latency_precision=0.2,
        baselines="none",
        runner="local",
        progress=False,
        callbacks=[Warnings()],
    )
    assert [warning for warning in warnings if warning.startswith("mirroring costs accuracy here")]


def test_a_training_function_judges_by_itself(tmp_path: Path) -> None:
    images, labels = np.zeros((40, 8, 8)), np.arange(40) % 2
    for option in ({"metric": "f1_macro"}, {"flip": True}, {"shift": 0.0}):
        with pytest.raises(nas.UserError, match=f"^{next(iter(option))} .* with evaluate, whose function trains"):
            nas.search(
                evaluate=lambda network, trial: 0.5,
                dataset=(images, labels),
                storage=f"sqlite:///{tmp_path / 'nas.db'}",
                runner="local",
                progress=False,
                **option,
            )
