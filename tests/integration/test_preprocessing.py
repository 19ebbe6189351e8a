"""From a picture to a class: what a trained network and its exports say of themselves is all that a user needs."""

import copy
import json
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import yaml
from PIL import Image

import nas
from nas.architecture import Architecture, ModelInput, Stage
from nas.exports.config import ExportedConfig
from nas.exports.preprocessing import Preprocessing
from search_spaces.exports.weights import difference
from tests.conftest import ROOT, run_nas
from tests.integration.searching import QUICK, trials
from tests.integration.test_exports import OTHERS, OURS, run_python

# Each class is a wave's direction, (rows, columns) of a period.
CLASSES = {"across": (0.0, 9.0), "down": (9.0, 0.0), "slanted": (13.0, 13.0)}
PICTURES = 32
# Timm can express it, as its stem has stride 4 at this size.
SIZE_PX = 40
NETWORK = Architecture(
    tuple(Stage(mixer, 1, width) for mixer, width in (("pool", 8), ("conv", 16), ("conv", 24), ("attention", 32)))
)
# One picture of all that are judged, whose two best logits may be next to each other.
ONE = 1 / (PICTURES * len(CLASSES))


def wave(name: str, draws: np.random.Generator) -> Image.Image:
    """A faint wave in colour, of any phase, under noise, in a picture of any size."""
    height, width = draws.integers(SIZE_PX, 2 * SIZE_PX, 2)
    rows, columns = (1 / period if period else 0.0 for period in CLASSES[name])
    y, x = np.mgrid[:height, :width]
    shade = np.sin(2 * np.pi * (rows * y + columns * x + draws.random()))
    noise = draws.normal(0, 60, (height, width, 1))
    pixels = np.array([190, 120, 70]) + 22 * shade[:, :, None] + noise
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures of waves and `retrained`, a network that knows them, in every format."""
    folder = tmp_path_factory.mktemp("waves")
    draws = np.random.default_rng(0)
    for part in ("train", "test"):
        for name in CLASSES:
            (folder / "waves" / part / name).mkdir(parents=True)
            for number in range(PICTURES):
                wave(name, draws).save(folder / "waves" / part / name / f"{number}.png")
    config = ExportedConfig(NETWORK, ModelInput(3, SIZE_PX, SIZE_PX, 3), "metaformer", {"study": "test"})
    (folder / "small.yaml").write_text(yaml.safe_dump(config.to_dict()))
    command = "retrain small.yaml --dataset imagefolder:waves --epochs 20 --precision fp32 --output retrained"
    done = run_nas(command.split(), folder)
    assert done.code == 0, done.err
    for form, output in (("onnx", "retrained.onnx"), ("python", "retrained.py"), ("torch", "copied"), ("timm", "timm")):
        done = run_nas(["export", "retrained", "--format", form, "--output", output], folder)
        assert done.code == 0, done.err
    return folder


def told(folder: Path) -> float:
    """The accuracy on the test part that the training told."""
    accuracy: float = json.loads((folder / "retrained" / "metrics.json").read_text())["test_accuracy"]
    assert 1.5 / len(CLASSES) < accuracy
    return accuracy


def files(folder: Path) -> Iterator[Path]:
    yield from sorted((folder / "waves" / "test").rglob("*.png"))


def consumers() -> list[str]:
    """The programs that the guide shows: by ONNX Runtime, and by torch."""
    section = (ROOT / "docs" / "exporting.md").read_text().partition("## Using the network")[2]
    programs: list[str] = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
    return programs


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("number", "refused"),
    [(0, OURS | OTHERS - {"onnxruntime"} | {"torch", "scipy"}), (1, OURS | OTHERS | {"scipy"})],
    ids=["onnx", "torch"],
)
def test_the_guides_programs_reach_the_told_accuracy(number: int, refused: set[str], folder: Path) -> None:
    check = f"""
from pathlib import Path
paths = sorted(Path("waves/test").rglob("*.png"))
right = sum(classify(path) == path.parent.name for path in paths)
assert abs(right / len(paths) - {told(folder)}) < {1.1 * ONE}, right
"""
    run_python(consumers()[number] + check, refused, folder)


def test_timms_own_transform_reaches_it(folder: Path) -> None:
    program = f"""
import runpy, torch
from pathlib import Path
from PIL import Image
from timm.data import create_transform, resolve_data_config
network = runpy.run_path("timm/model.py")["load"]()
transform = create_transform(**resolve_data_config(model=network))
names = network.pretrained_cfg["label_names"]
paths = sorted(Path("waves/test").rglob("*.png"))
with torch.inference_mode():
    right = sum(names[network(transform(Image.open(path))[None]).argmax()] == path.parent.name for path in paths)
# Its sizes and margins are rounded otherwise.
assert abs(right / len(paths) - {told(folder)}) < 0.1, right
"""
    run_python(program, OURS | {"ray", "optuna"}, folder)


def accuracy(predictions: list[tuple[Path, str]]) -> float:
    return float(np.mean([path.parent.name == name for path, name in predictions]))


@pytest.mark.parametrize("network", ["retrained", "copied", "retrained.onnx"])
def test_the_command_names_the_classes(network: str, folder: Path) -> None:
    done = run_nas(["predict", network, "waves/test"], folder)
    assert done.code == 0, done.err
    lines = re.findall(r"^(.*): (\w+) (\d\.\d{4})$", done.out, re.M)
    assert len(lines) == PICTURES * len(CLASSES)
    assert abs(accuracy([(Path(path), name) for path, name, _ in lines]) - told(folder)) < 1.1 * ONE
    first = next(files(folder)).relative_to(folder)
    described = json.loads(run_nas(["predict", network, str(first), "--json"], folder).out)
    assert described["path"] == str(first)
    assert described["probabilities"].keys() == CLASSES.keys()
    assert sum(described["probabilities"].values()) == pytest.approx(1)
    assert described["probability"] == max(described["probabilities"].values())


def test_a_picture_that_cannot_be_read_costs_no_other_ones_answer(folder: Path, tmp_path: Path) -> None:
    whole = next(files(folder))
    (tmp_path / "a.png").write_bytes(whole.read_bytes()[:60])
    (tmp_path / "b.png").write_bytes(whole.read_bytes())
    done = run_nas(["predict", str(folder / "retrained"), str(tmp_path)], tmp_path)
    assert done.code == 2
    assert done.err.count("nas: error: image file") == 1
    assert re.fullmatch(rf"{re.escape(str(tmp_path / 'b.png'))}: \w+ \d\.\d+\n", done.out)


def test_paths_images_and_arrays_are_the_same_pictures(folder: Path) -> None:
    network = nas.load(folder / "retrained")
    paths = list(files(folder))[::20]
    by_path = network.predict(paths)
    images = [Image.open(path) for path in paths]
    arrays = [np.asarray(image) for image in images]
    channels_first = [array.transpose(2, 0, 1) for array in arrays]
    decimals = [array / 255 for array in arrays]
    for pictures in (map(str, paths), images, arrays, channels_first, decimals):
        assert network.predict(pictures) == by_path
    one = network.predict(paths[0])
    assert len(one) == 1
    assert one == network.predict(images[0]) == network.predict(arrays[0]) == network.predict(channels_first[0])
    # A single array of a grey picture is one, too.
    assert network.predict(arrays[0][:, :, 0]) == network.predict([arrays[0][:, :, 0]])
    assert not network.training


def test_a_network_that_predicts_is_copied_pickled_and_traced(folder: Path) -> None:
    network = nas.load(folder / "retrained")
    (path, *_) = files(folder)
    expected = network.predict(path)
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert other.predict(path) == expected
        with torch.no_grad():
            for weight in other.parameters():
                weight.zero_()
        # Its predictions are those of its own weights.
        assert other.predict(path)[0].probability == pytest.approx(1 / len(CLASSES))
    assert network.predict(path) == expected
    x_BCHW = torch.randn(2, 3, SIZE_PX, SIZE_PX)
    with torch.no_grad():
        assert difference(network(x_BCHW), torch.jit.trace(network, x_BCHW)(x_BCHW)) < 1e-5
    assert network.state_dict().keys() == nas.load(folder / "copied").state_dict().keys()


def test_a_file_may_take_normalised_images(folder: Path) -> None:
    command = "export retrained --format onnx --raw-input --output raw.onnx"
    said = run_nas(command.split(), folder)
    assert said.code == 0, said.err
    assert "normalised images of float32" in said.out
    session = onnxruntime.InferenceSession(folder / "raw.onnx", providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].type == "tensor(float)"
    (path, *_) = files(folder)
    expected = run_nas(["predict", "retrained.onnx", str(path)], folder).out
    assert run_nas(["predict", "raw.onnx", str(path)], folder).out == expected


def test_every_export_has_the_preprocessing_on_record(folder: Path) -> None:
    recorded = json.loads((folder / "retrained" / "config.json").read_text())["preprocessing"]
    assert recorded["classes"] == list(CLASSES)
    assert (recorded["height_px"], recorded["width_px"]) == (SIZE_PX, SIZE_PX)
    assert (recorded["colour"], recorded["resize"], recorded["interpolation"]) == ("RGB", "crop", "bilinear")
    # By channel, of values from 0 to 1.
    np.testing.assert_allclose(recorded["mean"], np.array([190, 120, 70]) / 255, atol=0.03)
    assert json.loads((folder / "copied" / "config.json").read_text())["preprocessing"] == recorded
    session = onnxruntime.InferenceSession(folder / "retrained.onnx", providers=["CPUExecutionProvider"])
    assert json.loads(session.get_modelmeta().custom_metadata_map["preprocessing"]) == recorded
    assert json.loads(json.dumps(Preprocessing.from_dict(recorded).to_dict())) == recorded


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("predict nowhere waves", "'nowhere' is no config file"),
        ("predict fresh waves", "folder 'fresh' holds no record of its preprocessing"),
        ("predict fresh.onnx waves", "'fresh.onnx' holds no record of its preprocessing"),
        ("predict small.onnx waves", "'small.onnx' is no ONNX file"),
        ("predict retrained nothing.png", "'nothing.png' does not exist"),
        ("predict retrained small.yaml", "'small.yaml' cannot be read"),
        ("predict retrained", "PICTURES"),
    ],
)
def test_errors(arguments: str, named: str, folder: Path) -> None:
    if "fresh" in arguments and not (folder / "fresh").exists():
        assert run_nas(["export", "small.yaml", "--format", "torch", "--output", "fresh"], folder).code == 0
        assert run_nas(["export", "small.yaml", "--format", "onnx", "--output", "fresh.onnx"], folder).code == 0
    (folder / "small.onnx").write_bytes(b"no network")
    done = run_nas(arguments.split(), folder)
    assert done.code == 2, done.err
    assert named in done.err
    assert len(done.err.strip().splitlines()) == 1, done.err


@pytest.mark.timeout(900)
def test_wide_grey_pictures_of_12_bits_from_a_search_to_a_class(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)
    for number, name in enumerate(("dark", "bright")):
        (tmp_path / "wide" / name).mkdir(parents=True)
        for index in range(30):
            pixels = draws.normal(1500 + 1500 * number, 300, (20, 60)).clip(0, 4095).astype(np.uint16)
            Image.fromarray(pixels).save(tmp_path / "wide" / name / f"{index}.png")
    asked = ("--dataset", "imagefolder:wide", "--input-size", "12x36", "--resize", "pad", "--background", "white")
    done = run_nas([*QUICK, *asked, "--budget", "2"], tmp_path)
    assert done.code == 0, done.err
    assert "warning" not in done.err
    assert trials(tmp_path)[0].outcome.latency.fingerprint["input"] == "1x12x36"
    assert run_nas(["export", "--pick", "accuracy", "--output", "best.yaml"], tmp_path).code == 0
    # The data set, the size, the channels and the frame are those of the search.
    trained = run_nas(["retrain", "best.yaml", "--epochs", "8", "--output", "trained"], tmp_path)
    assert trained.code == 0, trained.err
    assert "at 12x36 px" in trained.out
    recorded = json.loads((tmp_path / "trained" / "config.json").read_text())["preprocessing"]
    assert (recorded["height_px"], recorded["width_px"], recorded["resize"]) == (12, 36, "pad")
    assert (recorded["colour"], recorded["white"], recorded["background"]) == ("L", 4095, [255, 255, 255])
    assert run_nas(["export", "trained", "--format", "onnx", "--output", "trained.onnx"], tmp_path).code == 0
    for network in ("trained", "trained.onnx"):
        predicted = run_nas(["predict", network, "wide"], tmp_path)
        names = re.findall(r"^wide/(\w+)/\d+\.png: (\w+) ", predicted.out, re.M)
        assert np.mean([name == found for name, found in names]) > 0.9
    other = run_nas(["retrain", "best.yaml", "--epochs", "8", "--resize", "crop", "--output", "trained"], tmp_path)
    assert "'trained' holds a training with resize 'pad', not at its default" in other.err
    refused = run_nas(["predict", "trained", "wide", "--max-pixels", "1199"], tmp_path)
    assert refused.code == 2
    assert "its 60 x 20 pixels are more than --max-pixels 1199 allows" in refused.err
