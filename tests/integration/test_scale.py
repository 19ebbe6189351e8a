"""Many pictures, and more than memory may hold: an index beside the database, and the same results from a file."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.architecture import Architecture, ModelInput, Stage
from nas.exports.config import ExportedConfig
from tests.conftest import Finished, run_nas
from tests.integration.searching import QUICK, trials

SMALL = Architecture((Stage("pool", 1, 16), Stage("attention", 1, 32)))
EACH = 1100


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """So many pictures of two classes that an index is kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    generator = np.random.default_rng(0)
    for label, name in enumerate(("dark", "light")):
        (tmp_path / "many" / name).mkdir(parents=True)
        for index in range(EACH):
            file = tmp_path / "many" / name / f"{index}.jpg"
            if index < 40:
                pixels = generator.integers(0, 200, (16, 16, 3), dtype=np.uint8) + np.uint8(30 * label)
                Image.fromarray(pixels).save(file)
            else:
                os.link(file.with_name(f"{index % 40}.jpg"), file)
    return tmp_path


@pytest.mark.timeout(400)
def test_a_search_has_an_index_and_one_result_whatever_memory_it_may_use(many: Path) -> None:
    def search(storage: str, *more: str) -> Finished:
        command = (*QUICK, "--dataset", "imagefolder:many", "--input-size", "16", "--budget", "1", "--seed", "2")
        done = run_nas([*command, "--train-precision", "fp32", "--storage", f"sqlite:///{storage}", *more], many)
        assert done.code == 0, done.err
        return done

    def result(folder: str) -> tuple[Architecture, float | None]:
        (trial,) = trials(many / folder)
        return trial.architecture, trial.outcome and trial.outcome.accuracy

    for folder in ("whole", "mapped"):
        (many / folder).mkdir()
    whole = search("whole/nas.db")
    assert "--data-memory" not in whole.out
    assert len(list((many / "whole").glob("nas-pictures-*.npz"))) == 1
    mapped = search("mapped/nas.db", "--data-memory", "10kB")
    assert "data: 1,100 decoded pictures take 845 kB, and --data-memory allows 10 kB: those beyond it are read" in (
        mapped.out
    )
    assert result("whole") == result("mapped")


@pytest.mark.timeout(400)
@pytest.mark.slow
def test_retraining_streams_what_memory_may_not_hold(many: Path) -> None:
    exported = ExportedConfig(SMALL, ModelInput(3, 16, 16, 2), "metaformer", {"dataset": "imagefolder:many"})
    (many / "small.json").write_text(json.dumps(exported.to_dict()))
    command = ["retrain", "small.json", "--epochs", "2", "--precision", "fp32", "--validation", "10%"]

    def retrained(output: str, *more: str) -> list[object]:
        done = run_nas([*command, "--output", output, *more], many)
        assert done.code == 0, done.err
        assert ("data: 1,760 decoded pictures take 1.35 MB, and --data-memory allows 10 kB" in done.out) == bool(more)
        metrics = json.loads((many / output / "metrics.json").read_text())
        return [metrics["test_accuracy"], *((epoch["loss"], epoch["accuracy"]) for epoch in metrics["curve"])]

    assert retrained("resident") == retrained("streamed", "--data-memory", "10kB")
    assert len(list((many / "cache" / "nas").glob("nas-pictures-*.npz"))) == 1
