"""`nas retrain` as a user runs it: a real Ray Train, weights that are kept, and training that goes on after kill -9."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

import nas
from nas.architecture import Architecture, ModelInput, Stage
from nas.exports.config import ExportedConfig
from nas.exports.training import TrainingRecipe
from search_spaces.model import build
from tests.conftest import nas_script, run_nas
from tests.integration.searching import QUICK as SEARCH
from tests.integration.searching import RunningSearch, wait_for_end
from tests.unit.test_datasets import pictures
from workers.retrain.recipes import recipe_for
from workers.training.augmentation import mix
from workers.training.policy import TrainingTask

SMALL = Architecture((Stage("pool", 1, 16), Stage("attention", 1, 32)))
QUICK = ("--epochs", "3", "--batch-size", "64", "--warmup-epochs", "0.5")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    exported = ExportedConfig(
        SMALL, ModelInput(1, 8, 8, 10), "metaformer", {"study": "test", "seed": 1, "dataset": "digits"}
    )
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(exported.to_dict()))
    return tmp_path / "small.yaml"


def metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


@pytest.mark.slow
def test_a_loss_that_is_not_finite_says_what_to_change(config: Path, tmp_path: Path) -> None:
    """Going on from the last checkpoint would come to the same."""
    done = run_nas(["retrain", "small.yaml", *QUICK, "--learning-rate", "1e18", "--output", "out"], tmp_path)
    assert done.code == 2
    assert "--learning-rate 1e+18 is too high: training loss became" in done.err


@pytest.mark.timeout(400)
def test_weights_accuracy_and_curve_are_written(config: Path, tmp_path: Path) -> None:
    done = run_nas(
        ["retrain", "small.yaml", *QUICK, "--mixup", "0.2", "--drop-path", "0.1", "--output", "out"], tmp_path
    )
    assert done.code == 0, done.err
    assert "data: 1,797 pictures in 10 classes" in done.out
    assert "[3/3] loss" in done.out
    found = metrics(tmp_path / "out")
    assert found["test_accuracy"] > 0.2
    assert found["train_accuracy"] > 0.2
    assert [point["epoch"] for point in found["curve"]] == [1, 2, 3]
    # All training pictures train, and none is left to judge an epoch by.
    assert {point["accuracy"] for point in found["curve"]} == {None}
    assert {point["images"] for point in found["curve"]} == {None}
    assert "a short training: each picture is seen about 3 times" in done.err
    assert "Plotly" in (tmp_path / "out" / "curve.html").read_text()
    exported = json.loads((tmp_path / "out" / "config.json").read_text())
    assert exported["provenance"]["study"] == "test"
    assert exported["provenance"]["retrained"]["test_accuracy"] == found["test_accuracy"]
    model = nas.load(tmp_path / "out")
    assert not model.training
    assert model(torch.zeros(1, 1, 8, 8)).shape == (1, 10)
    # The same command again has nothing left to train, and gives the same.
    again = run_nas(
        ["retrain", "small.yaml", *QUICK, "--mixup", "0.2", "--drop-path", "0.1", "--output", "out", "--json"], tmp_path
    )
    assert again.code == 0, again.err
    assert json.loads(again.out)["test_accuracy"] == found["test_accuracy"]
    other = run_nas(["retrain", "small.yaml", "--epochs", "4", "--output", "out"], tmp_path)
    assert other.code == 2
    assert "'out' holds a training with epochs 3, not 4" in other.err
    # Its config alone has no weights to claim anything of, and the folder without them is broken.
    assert run_nas(["export", "out", "--format", "yaml", "--output", "found.yaml"], tmp_path).code == 0
    said = run_nas(["export", "found.yaml", "--format", "torch", "--output", "fresh"], tmp_path).out
    assert "weights are initial ones" in said
    fresh = json.loads((tmp_path / "fresh" / "config.json").read_text())["provenance"]
    assert "retrained" not in fresh
    assert "retrained_elsewhere" in fresh
    assert (
        "as trained by nas retrain"
        in run_nas(["export", "out", "--format", "torch", "--output", "again"], tmp_path).out
    )
    (tmp_path / "again" / "weights.safetensors").unlink()
    broken = run_nas(["export", "again", "--format", "torch", "--output", "third"], tmp_path)
    assert broken.code == 2
    assert "weights.safetensors is missing" in broken.err


def noise(folder: Path, each: int) -> None:
    """Pictures of noise in two classes."""
    generator = np.random.default_rng(each)
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
        for index in range(each):
            pixels = generator.integers(0, 256, (48, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index}.jpg")


@pytest.mark.timeout(400)
def test_broken_pictures_are_named_and_cost_no_training(tmp_path: Path) -> None:
    noise(tmp_path / "pets" / "train", 12)
    noise(tmp_path / "pets" / "test", 4)
    model_input = ModelInput(3, 8, 8, 2)
    start = tmp_path / "start"
    start.mkdir()
    exported = ExportedConfig(SMALL, model_input, "metaformer", {"dataset": "imagefolder:pets"})
    (start / "config.json").write_text(json.dumps(exported.to_dict()))
    save_file(build(SMALL, model_input).state_dict(), start / "weights.safetensors")
    command = ["retrain", "start", "--epochs", "2", "--batch-size", "8", "--output", "out"]

    def broken(file: Path) -> bytes:
        """Cut the file in half, and return what it was; its headers stay valid."""
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        return whole

    # A training picture, which the worker finds broken.
    file = tmp_path / "pets" / "train" / "one" / "3.jpg"
    whole = broken(file)
    done = run_nas(command, tmp_path)
    assert done.code == 2, done.err
    assert "train/one/3.jpg' cannot be read" in done.err
    assert "goes on" not in done.err
    assert "Traceback" not in done.err
    file.write_bytes(whole)
    # A test picture, found after the training.
    file = tmp_path / "pets" / "test" / "two" / "1.jpg"
    whole = broken(file)
    done = run_nas(command, tmp_path)
    assert done.code == 2, done.err
    assert "test/two/1.jpg' cannot be read" in done.err
    assert "its weights are in 'out'" in done.err
    assert "Traceback" not in done.err
    assert nas.load(tmp_path / "out")(torch.zeros(1, 3, 8, 8)).shape == (1, 2)
    assert not (tmp_path / "out" / "metrics.json").exists()
    file.write_bytes(whole)
    done = run_nas(command, tmp_path)
    assert done.code == 0, done.err
    assert "[1/2]" not in done.out
    assert 0 <= metrics(tmp_path / "out")["test_accuracy"] <= 1
    assert len(metrics(tmp_path / "out")["curve"]) == 2
    # Other weights under the same name.
    save_file(build(SMALL, model_input).state_dict(), start / "weights.safetensors")
    done = run_nas(command, tmp_path)
    assert done.code == 2
    assert "'out' holds a training that started from other weights; name another folder" in done.err


def test_a_start_of_ray_that_fails_is_one_line(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(long))
    for command in (
        ["retrain", "small.yaml", *QUICK, "--output", "out"],
        [*SEARCH, "--budget", "1"],
        [*SEARCH, "--budget", "1", "--confirm", "1", "--evaluator", "supernet"],
        ["supernet", "train", "--space", "hybrid", "--epochs", "1", "--train-size", "64", "--supernet-epochs", "1"],
    ):
        done = run_nas(command, tmp_path)
        assert done.code == 1
        assert "Traceback" not in done.err
        assert f"{str(long)!r}, is too long for sockets; set RAY_TMPDIR" in done.err.splitlines()[-1]


def test_a_test_part_that_was_mended_is_judged_without_a_training(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("train", "test"):
        pictures(tmp_path / "pictures" / part, each=20)
    broken = tmp_path / "pictures" / "test" / "class0" / "0.jpg"
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    command = ["retrain", "small.yaml", "--dataset", "imagefolder:pictures", "--input-size", "16", "--epochs", "2"]
    command += ["--output", "out"]
    done = run_nas(command, tmp_path)
    assert done.code == 2, done.err
    assert "0.jpg" in done.err
    assert "mend the test part, then the same command judges it" in done.err
    weights = (tmp_path / "out" / "weights.safetensors").read_bytes()
    assert not (tmp_path / "out" / "metrics.json").exists()
    # Ray cannot start in a folder of this path, and is not needed.
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / ("x" * 100)))
    assert "mend the test part" in run_nas(command, tmp_path).err
    broken.write_bytes(whole)
    done = run_nas([*command, "--json"], tmp_path)
    assert done.code == 0, done.err
    retrained = json.loads((tmp_path / "out" / "config.json").read_text())["provenance"]["retrained"]
    assert done.json()["test_accuracy"] == metrics(tmp_path / "out")["test_accuracy"] == retrained["test_accuracy"]
    assert (tmp_path / "out" / "weights.safetensors").read_bytes() == weights
    # A consumer of the written network comes to the same figure.
    files = sorted((tmp_path / "pictures" / "test").glob("*/*"))
    predictions = nas.load(tmp_path / "out").predict(files)
    right = [prediction.name == file.parent.name for prediction, file in zip(predictions, files, strict=True)]
    assert retrained["test_accuracy"] == pytest.approx(sum(right) / len(right))
    assert run_nas([*command, "--json"], tmp_path).json() == done.json()


@pytest.mark.slow
def test_it_goes_on_after_kill_9(config: Path, tmp_path: Path) -> None:
    command = ["retrain", "small.yaml", "--epochs", "12", "--batch-size", "32", "--output", "out"]
    command += ["--validation", "10%"]
    running = subprocess.Popen(
        [nas_script(), *command], cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    lines = []
    for line in running.stdout:
        lines.append(line)
        if line.startswith("[3/12]"):
            break
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    time.sleep(1)
    done = run_nas(command, tmp_path)
    assert done.code == 0, done.err
    assert "[1/12]" not in done.out
    assert "[12/12]" in done.out
    curve = metrics(tmp_path / "out")["curve"]
    assert [point["epoch"] for point in curve] == list(range(1, 13))
    wait_for_end([])
    # From its weights on.
    further = ["retrain", "out", "--epochs", "1", "--validation", "10%", "--output", "further"]
    assert run_nas(further, tmp_path).code == 0
    assert metrics(tmp_path / "further")["curve"][0]["accuracy"] > curve[0]["accuracy"]


@pytest.mark.timeout(400)
def test_ctrl_c_ends_it_and_the_same_command_goes_on(config: Path, tmp_path: Path) -> None:
    command = ["retrain", "small.yaml", "--epochs", "400", "--batch-size", "32", "--output", "out"]
    running = RunningSearch(tmp_path, *command)
    for line in running.process.stdout:
        if line.startswith("[3/400]"):
            break
    running.interrupt()
    code, _, err = running.finish(timeout_s=480)
    assert code == 130
    assert err.strip() == "interrupted; the same command goes on from the last checkpoint"


@pytest.mark.slow
def test_two_workers_share_the_batch(config: Path, tmp_path: Path) -> None:
    done = run_nas(["retrain", "small.yaml", *QUICK, "--workers", "2", "--output", "out"], tmp_path)
    assert done.code == 0, done.err
    assert metrics(tmp_path / "out")["test_accuracy"] > 0.4


@pytest.mark.timeout(400)
def test_a_training_by_time_ends_in_time_and_says_what_it_came_to(config: Path, tmp_path: Path) -> None:
    command = ["retrain", "small.yaml", "--time", "6s", "--validation", "20%", "--output", "out"]
    done = run_nas(command, tmp_path)
    assert done.code == 0, done.err
    found = metrics(tmp_path / "out")
    assert 6 <= found["seconds"] < 12
    assert found["epochs"] == len(found["curve"]) > 1
    assert found["curve"][-1]["epochs"] == found["epochs"]
    assert 0 < found["curve"][0]["accuracy"] < found["curve"][-1]["accuracy"]
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert settings["recipe"]["time_s"] == 6
    assert settings["recipe"]["name"] == "policy"
    provenance = json.loads((tmp_path / "out" / "config.json").read_text())["provenance"]
    assert provenance["retrained"]["epochs"] == found["epochs"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("retrain plain.yaml --output out", "--dataset is needed"),
        ("retrain small.yaml --output out --time 5m --epochs 3", "--epochs 3 and --time"),
        ("retrain small.yaml --output out --time soon", "'soon' is not a time above 0"),
        ("retrain small.yaml --output out --recipe magic", "--recipe 'magic'; valid: policy, published"),
        ("retrain magic --output out", "'magic' is no config file"),
        ("retrain small.yaml", "--output"),
        ("retrain small.yaml --output out --dataset magic", "dataset 'magic'"),
        ("retrain small.yaml --output out --epochs 0", "--epochs 0"),
        ("retrain small.yaml --output out --drop-path 1", "--drop-path 1"),
        ("retrain small.yaml --output out --mixup -1", "--mixup -1"),
        ("retrain small.yaml --output out --rand-augment-magnitude 31", "--rand-augment-magnitude 31"),
        ("retrain small.yaml --output out --threads 9999", "--threads 9999 is more than the"),
        ("retrain small.yaml --output out --epochs 3 --warmup-epochs 4", "--warmup-epochs 4 is more than the 3 epochs"),
        ("retrain small.yaml --output out --workers 0", "--workers 0"),
        ("retrain small.yaml --output out --precision fp8", "--precision 'fp8'"),
        ("retrain small.yaml --output out --device tpu", "--device 'tpu'"),
        ("retrain small.yaml --output small.yaml", "'small.yaml' cannot be created"),
        ("retrain small.yaml --output out --dataset fashion-mnist", "--data-dir"),
        ("retrain small.yaml --output out --input-size 2", "2x2 px"),
    ],
)
def test_errors(arguments: str, named: str, config: Path, tmp_path: Path) -> None:
    described = yaml.safe_load(config.read_text())
    (tmp_path / "plain.yaml").write_text(yaml.safe_dump({**described, "provenance": {}}))
    done = run_nas(arguments.split(), tmp_path)
    assert done.code == 2, done.err
    assert len(done.err.strip().splitlines()) == 1, done.err
    assert named in done.err


@pytest.mark.parametrize("recipe", [{"mixup": 0.8}, {"cutmix": 1.0}, {"mixup": 0.8, "cutmix": 1.0}, {}])
def test_mixing_keeps_labels_probabilities(recipe: dict[str, float]) -> None:
    x_BCHW = torch.rand(8, 1, 6, 6)
    y_BK = torch.eye(8)
    whole = TrainingRecipe(1, 8, 0.1, **recipe)
    for seed in range(10):
        mixed, labels = mix(x_BCHW, y_BK, whole, torch.Generator().manual_seed(seed))
        assert mixed.shape == x_BCHW.shape
        torch.testing.assert_close(labels.sum(1), torch.ones(8))
        assert mixed.min() >= 0
        assert mixed.max() <= 1
        if not recipe:
            assert mixed.equal(x_BCHW)


DIGITS = TrainingTask(images=1438, size_px=14, channels=1, classes=10, mirrors=False)


def test_published_recipes_depend_on_the_data_set_and_give_way() -> None:
    assert recipe_for("published", "cifar10", DIGITS, {}).cutmix == 1.0
    assert recipe_for("published", "fashion-mnist", DIGITS, {"epochs": 7}).epochs == 7
    assert recipe_for("published", "imagefolder", DIGITS, {}).epochs == 300
    # A short training is not over before it is warm.
    assert recipe_for("published", "digits", DIGITS, {}).warm_up == pytest.approx(2 / 40)
    assert recipe_for("published", "digits", DIGITS, {"epochs": 2}).warm_up == pytest.approx(0.2)
    given = {"epochs": 2, "warmup_epochs": 1.5}
    assert recipe_for("published", "digits", DIGITS, given).warm_up == pytest.approx(0.75)


def test_the_policy_is_light_unless_it_is_told_otherwise() -> None:
    recipe = recipe_for("policy", "digits", DIGITS, {})
    assert (recipe.cutmix, recipe.erasing, recipe.rand_augment_ops, recipe.ema_decay) == (0, 0, 0, 0)
    assert recipe_for("policy", "digits", DIGITS, {"mixup": 0.4}).mix_from_epochs == 0
    assert recipe_for("policy", "digits", DIGITS, {"mixup": 0.2}).mixup == 0.2
    assert recipe_for("policy", "digits", DIGITS, {}, time_s=60.0).epochs == 0
