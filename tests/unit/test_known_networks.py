"""Known networks one by one: sizes, counts, and names that belong to no network."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nas import plugins
from nas.architecture import Architecture, ModelInput, Stage
from nas.builder import Builder
from nas.errors import ParameterError, UnknownNameError
from nas.exports.known import KNOWN, known_network
from nas.exports.source import known_config
from search_spaces.exports.onnx_file import convert, run
from search_spaces.exports.weights import difference, example_input, network_of
from search_spaces.folding import largest_difference
from search_spaces.known.grid import adapted_strides
from search_spaces.known.plain_cnn import plain_cnn

BUILDER: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
CIFAR = ModelInput(3, 32, 32, 10)


def test_resnets_are_as_published() -> None:
    """He et al., table 6: 0.27M for 20 layers; MACs of convolutions and the head by hand."""
    assert BUILDER.cost(known_network("resnet20"), CIFAR).parameters == 269_722
    assert BUILDER.cost(known_network("resnet8"), CIFAR).parameters == 75_290
    inner = 6 * 32**2 * 9 * 16**2
    second, third = 16**2 * 9 * (16 * 32 + 5 * 32**2), 8**2 * 9 * (32 * 64 + 5 * 64**2)
    assert BUILDER.cost(known_network("resnet20"), CIFAR).macs == 32**2 * 27 * 16 + inner + second + third + 640


def test_the_plain_cnn_has_the_layers_that_anyone_writes() -> None:
    network = BUILDER.build(known_network("plain-cnn-m"), CIFAR)
    convolutions = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    assert [(conv.out_channels, conv.stride[0]) for conv in convolutions] == [
        *((24, 2), (48, 2), (48, 1), (96, 2), (96, 1), (128, 2))
    ]
    widths = [BUILDER.cost(known_network(f"plain-cnn-{size}"), CIFAR).parameters for size in "sml"]
    assert widths == sorted(widths)


def test_the_speed_record_scales_its_logits_and_learns_no_scale() -> None:
    cost = BUILDER.cost(known_network("speedrun-l"), CIFAR)
    assert cost.frozen == 2 * (64 + 256 + 256)
    convolutions = 24 * 64 + 64 * 64 + 64 * 256 + 256 * 256 + 256 * 256 + 256 * 256
    assert cost.parameters == (24 * 12 + 24) + 9 * convolutions + cost.frozen + 2560


@pytest.mark.parametrize("name", ["plain-cnn-s", "plain-cnn-l", "speedrun-s", "resnet8"])
def test_every_size_from_8_to_64_px_can_be_trained_on(name: str) -> None:
    for size_px in range(8, 65):
        model_input = ModelInput(1, size_px, size_px, 4)
        network = BUILDER.build(known_network(name), model_input)
        assert network(torch.randn(2, 1, size_px, size_px)).shape == (2, 4)


@pytest.mark.parametrize("size_px", [2, 3, 8, 14, 31, 64])
def test_strides_leave_a_grid_of_two(size_px: int) -> None:
    grid = size_px
    for stride in adapted_strides((2, 2, 1, 2, 1, 2), size_px):
        grid = -(-grid // stride)
    assert grid >= 2
    assert list(adapted_strides((2, 2, 1, 2, 1, 2), 32)) == [2, 2, 1, 2, 1, 2]


@pytest.mark.parametrize("name", ["plain-cnn-s", "speedrun-s", "resnet8"])
def test_onnx_runtime_computes_the_same(name: str, tmp_path: Path) -> None:
    config = known_config(name)
    network = network_of(config, None)
    x_BCHW = example_input(config, 2)
    convert(network, x_BCHW, tmp_path / "network.onnx", {})
    assert difference(network(x_BCHW), run(tmp_path / "network.onnx", x_BCHW)) < 1e-4


def test_a_network_of_timm_is_built_for_the_images() -> None:
    model_input = ModelInput(1, 96, 64, 7)
    network = BUILDER.build(known_network("timm:mobilenetv3_small_050"), model_input)
    assert network(torch.randn(2, 1, 96, 64)).shape == (2, 7)
    tied = BUILDER.build(known_network("timm:vit_tiny_patch16_224"), model_input)
    assert tied(torch.randn(1, 1, 96, 64)).shape == (1, 7)


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "resnet10t", "repghostnet_050", "vit_tiny_patch16_224"])
def test_a_network_of_timm_is_folded_where_that_is_safe(name: str) -> None:
    """Norms that hold an activation among them, branches, and a network without a batch norm."""
    network = BUILDER.build(known_network(f"timm:{name}"), ModelInput(3, 64, 64, 10))
    network(torch.randn(8, 3, 64, 64))
    norms = sum(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
    remaining = sum(isinstance(module, torch.nn.BatchNorm2d) for module in BUILDER.folded(network).modules())
    assert remaining <= norms // 10
    assert largest_difference(network, torch.randn(2, 3, 64, 64)) < 1e-4


def test_an_unknown_network_of_timm_is_answered_with_close_names() -> None:
    with pytest.raises(ParameterError, match=r"no network 'resnet10x'.*resnet10t"):
        BUILDER.canonical(known_network("timm:resnet10x"))


def test_names_of_nothing_are_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"plain-cnn-m.*timm:NAME"):
        known_network("plain-cnn-xl")
    with pytest.raises(ParameterError, match="one stage"):
        BUILDER.build(Architecture((Stage("resnet8", 1, 1),) * 2, KNOWN), CIFAR)
    with pytest.raises(ParameterError, match="cannot be imported"):
        BUILDER.canonical(known_network("no_such_module:build"))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes a module of the user's own into the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "users_own", raising=False)
    return lambda text: (tmp_path / "users_own.py").write_text(text) and None


def test_a_function_of_the_users_own_file(write: Callable[[str], None]) -> None:
    write(
        "from torch import nn\n"
        "def build(channels, height_px, width_px, classes):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(channels * height_px * width_px, classes))\n"
        "def wrong(channels, height_px, width_px, classes):\n"
        "    return nn.Flatten()\n"
        "def broken(**_):\n"
        "    raise ValueError('not this one')\n"
    )
    own = known_network("users_own:build")
    assert BUILDER.build(own, CIFAR)(torch.randn(2, 3, 32, 32)).shape == (2, 10)
    assert BUILDER.cost(own, CIFAR).macs == 3 * 32 * 32 * 10
    with pytest.raises(ParameterError, match=r"gives \(1, 3072\) for one image, and \(1, 10\) is needed"):
        BUILDER.build(known_network("users_own:wrong"), CIFAR)
    with pytest.raises(ParameterError, match="cannot be made for images of 3x32x32: not this one"):
        BUILDER.build(known_network("users_own:broken"), CIFAR)
    with pytest.raises(ParameterError, match="has no function 'missing'"):
        BUILDER.canonical(known_network("users_own:missing"))
    write("def build(**_): ...\n")
    assert known_network("users_own:build").key != own.key


def test_the_family_of_plain_cnns_takes_other_widths() -> None:
    assert plain_cnn(CIFAR, (4, 8, 8, 16), first_stride=1)(torch.randn(2, 3, 32, 32)).shape == (2, 10)
