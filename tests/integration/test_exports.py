"""Exports of random architectures, run in fresh processes that may import what the format promises to need."""

import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

import nas
from nas import plugins
from nas.architecture import Architecture, ModelInput
from nas.errors import ExportError, ParameterError
from nas.exports.config import ExportedConfig
from nas.exports.source import source_of
from nas.space.loading import load_space
from search_spaces.exports.onnx_file import run
from search_spaces.exports.weights import difference, example_input, network_of
from search_spaces.metaformer import METAFORMER
from tests.conftest import run_nas

# Fresh processes in which whatever is not promised cannot be imported.
ONLY = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {refused!r}:
            raise ImportError(f'{{name}} is not promised')
sys.meta_path.insert(0, Refuse())
"""
OURS = {"nas", "search_spaces", "workers", "dashboard"}
OTHERS = {"timm", "safetensors", "onnx", "onnxruntime", "onnxscript", "ray", "optuna", "torchvision", "yaml"}


def config_of(architecture: Architecture, height: int, width: int) -> ExportedConfig:
    return ExportedConfig(architecture, ModelInput(3, height, width, 10), plugins.BUILDER, {"seed": 3, "study": "test"})


def export(form: str, config: ExportedConfig, path: Path) -> str:
    said: str = plugins.load(plugins.EXPORTERS, form)(config, None, path)
    return said


def run_python(program: str, refused: set[str], folder: Path) -> None:
    subprocess.run([sys.executable, "-c", ONLY.format(refused=refused) + program], cwd=folder, check=True)


def random_configs(count: int) -> list[ExportedConfig]:
    sizes = [(32, 32), (32, 48), (40, 24)]
    return [config_of(METAFORMER.sample(random.Random(seed)), *sizes[seed % len(sizes)]) for seed in range(count)]


def check_all(configs: list[ExportedConfig], folder: Path) -> None:
    """Each as python, torch and onnx; outputs compared in three fresh processes."""
    for number, config in enumerate(configs):
        model = network_of(config, None)
        x_BCHW = example_input(config, 2)
        with torch.no_grad():
            torch.save((x_BCHW, model(x_BCHW)), folder / f"{number}.io")
        torch.save(model.state_dict(), folder / f"{number}.pt")
        export("python", config, folder / f"net{number}.py")
        export("torch", config, folder / f"net{number}")
        assert "largest difference" in export("onnx", config, folder / f"{number}.onnx")
    compare = (
        "import importlib, torch\n"
        f"for number in range({len(configs)}):\n"
        "    x, expected = torch.load(f'{number}.io', weights_only=True)\n"
        "    with torch.no_grad():\n"
        "        LOAD\n"
        "    assert (given - expected).abs().max() <= 1e-4 * max(1, expected.abs().max()), number\n"
    )
    by_python = (
        "model = importlib.import_module(f'net{number}').build().eval(); "
        "model.load_state_dict(torch.load(f'{number}.pt', weights_only=True)); given = model(x)"
    )
    run_python(compare.replace("LOAD", by_python), OURS | OTHERS, folder)
    by_folder = "import nas; given = nas.load(f'net{number}')(x)"
    run_python(compare.replace("LOAD", by_folder), {"timm", "onnx", "onnxruntime", "ray"}, folder)
    by_runtime = (
        "import onnxruntime; session = onnxruntime.InferenceSession(f'{number}.onnx'); "
        "given = torch.from_numpy(session.run(None, {'image': x.numpy()})[0])"
    )
    run_python(compare.replace("LOAD", by_runtime), OURS | {"timm", "onnxscript"}, folder)


@pytest.mark.slow
def test_random_architectures_compute_the_same_everywhere(tmp_path: Path) -> None:
    check_all(random_configs(4), tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_thirty_random_architectures_at_32_and_224_px(tmp_path: Path) -> None:
    sizes = [(32, 32), (224, 224), (32, 48), (224, 160), (40, 24)]
    check_all(
        [config_of(METAFORMER.sample(random.Random(seed)), *sizes[seed % len(sizes)]) for seed in range(30)], tmp_path
    )


def check_timm(configs: list[ExportedConfig], folder: Path) -> None:
    """Each exported, then loaded by timm in a fresh process that has timm and none of ours; outputs compared."""
    for number, config in enumerate(configs):
        said = export("timm", config, folder / f"folder{number}")
        assert "timm agrees" in said
        x_BCHW = example_input(config, 2)
        with torch.no_grad():
            torch.save((x_BCHW, network_of(config, None)(x_BCHW)), folder / f"{number}.io")
    program = (
        "import runpy, torch\n"
        f"for number in range({len(configs)}):\n"
        "    x, expected = torch.load(f'{number}.io', weights_only=True)\n"
        "    model = runpy.run_path(f'folder{number}/model.py')\n"
        "    with torch.no_grad(): given = model['load']()(x)\n"
        "    assert (given - expected).abs().max() < 1e-4 * max(1, expected.abs().max()), number\n"
        "    assert model['KWARGS']['depths'] and 'token_mixers' in model['KWARGS']\n"
    )
    run_python(program, OURS | {"ray", "optuna"}, folder)


@pytest.mark.parametrize("name", ["poolformerv2_s12", "caformer_s18"])
def test_timm_loads_what_it_can_express(name: str, tmp_path: Path) -> None:
    check_timm([source_of(name).config.resized(64, 96)], tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("recipe", ["v2", "conv", "compact"])
def test_timm_loads_random_members_of_a_yaml_space(recipe: str, tmp_path: Path) -> None:
    stages = "".join(
        f"  - {{mixers: [identity, pool, conv, attention], depths: [1, 3], widths: [{width}, {width + 32}], "
        "norms: layer}\n"
        for width in (32, 96, 160, 224)
    )
    (tmp_path / "space.yaml").write_text(f"schema: 1\nrecipe: {recipe}\nstages:\n{stages}")
    space = load_space(str(tmp_path / "space.yaml"))
    sizes = [(64, 64), (224, 224), (224, 160)]
    check_timm([config_of(space.sample(random.Random(seed)), *sizes[seed % 3]) for seed in range(9)], tmp_path)


@pytest.mark.parametrize(
    ("name", "size", "reason"),
    [
        ("randformer_s12", 64, "stage 3: mixer 'random' is not in timm"),
        ("poolformer_s12", 64, "recipe 'v1' has its last norm before the mean"),
        ("caformer_s18", 32, "its stem has stride 2 at this input size"),
    ],
)
def test_what_timm_cannot_express_is_refused_with_the_reason(name: str, size: int, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=reason):
        export("timm", source_of(name).config.resized(size, size), tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_provenance_goes_along(tmp_path: Path) -> None:
    config = random_configs(1)[0]
    export("onnx", config, tmp_path / "net.onnx")
    import onnxruntime
    from safetensors import safe_open

    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    assert json.loads(session.get_modelmeta().custom_metadata_map["provenance"]) == config.to_dict()
    export("torch", config, tmp_path / "folder")
    with safe_open(tmp_path / "folder" / "weights.safetensors", "pt") as file:
        assert json.loads(file.metadata()["provenance"])["study"] == "test"
    export("python", config, tmp_path / "net.py")
    assert "study: test" in (tmp_path / "net.py").read_text()
    export("yaml", config, tmp_path / "net.yaml")
    assert yaml.safe_load((tmp_path / "net.yaml").read_text())["provenance"]["study"] == "test"


def test_weights_of_a_folder_go_into_every_other_format(tmp_path: Path) -> None:
    config = random_configs(1)[0]
    export("torch", config, tmp_path / "folder")
    weights = load_file(tmp_path / "folder" / "weights.safetensors")
    for form, output in (("python", "net.py"), ("onnx", "net.onnx"), ("torch", "again")):
        done = run_nas(["export", "folder", "--format", form, "--output", output], tmp_path)
        assert done.code == 0, done.err
    assert torch.load(tmp_path / "net.pt", weights_only=True).keys() == weights.keys()
    one, other = nas.load(tmp_path / "folder"), nas.load(tmp_path / "again")
    x_BCHW = example_input(config, 1)
    with torch.no_grad():
        assert difference(one(x_BCHW), other(x_BCHW)) == 0.0
        assert one(x_BCHW).equal(network_of(config, None)(x_BCHW))


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    one, other = random_configs(2)
    export("torch", one, tmp_path / "folder")
    (tmp_path / "folder" / "config.json").write_text(json.dumps(other.to_dict()))
    with pytest.raises(ParameterError, match="do not fit this network"):
        nas.load(tmp_path / "folder")
    (tmp_path / "folder" / "weights.safetensors").write_bytes(b"no weights")
    with pytest.raises(ParameterError, match="cannot be read"):
        nas.load(tmp_path / "folder")
    (tmp_path / "folder" / "weights.safetensors").unlink()
    with pytest.raises(ParameterError, match="has no weights"):
        nas.load(tmp_path / "folder")


def test_another_input_size_says_which_one_the_figures_are_of() -> None:
    config = random_configs(1)[0]
    assert config.resized(32, 32) == config
    assert config.resized(64, 32).provenance["figures_of_input"] == config.model_input.to_dict()


def test_older_schemas_load_and_newer_ones_are_refused(tmp_path: Path) -> None:
    old = {
        "schema_version": 1,
        "architecture": {"stages": [{"mixer": "pool", "depth": 1, "width": 8}]},
        "input": {"channels": 1, "height_px": 8, "width_px": 8, "classes": 2},
        "builder": "metaformer",
    }
    (tmp_path / "old.yaml").write_text(yaml.safe_dump(old))
    assert nas.build(tmp_path / "old.yaml")(torch.zeros(1, 1, 8, 8)).shape == (1, 2)
    (tmp_path / "new.yaml").write_text(yaml.safe_dump(old | {"schema_version": 99}))
    with pytest.raises(ParameterError, match="schema_version 99, newer than"):
        nas.build(tmp_path / "new.yaml")


def test_an_onnx_file_may_take_any_size(tmp_path: Path) -> None:
    config = random_configs(1)[0]
    stages = tuple(replace(stage, mixer="conv", options=(), position=False) for stage in config.architecture.stages)
    free = replace(config, architecture=replace(config.architecture, stages=stages), free_size=True)
    assert "(N, 3, H, W)" in export("onnx", free, tmp_path / "free.onnx")
    x_BCHW = example_input(free.resized(45, 70), 2)
    with torch.no_grad():
        assert difference(network_of(free, None)(x_BCHW), run(tmp_path / "free.onnx", x_BCHW)) < 1e-4
    for tied in (replace(stages[0], position=True), replace(stages[0], mixer="spatial_mlp")):
        architecture = replace(config.architecture, stages=(tied, *stages[1:]))
        with pytest.raises(ExportError, match="--free-size: the network is tied"):
            export("onnx", replace(free, architecture=architecture), tmp_path / "tied.onnx")
    assert not (tmp_path / "tied.onnx").exists()
