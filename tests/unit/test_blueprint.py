"""Blueprints: canonical data, and the networks that they describe."""

import random
from dataclasses import replace
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nas import plugins
from nas.architecture import Architecture, Blueprint, Cost, ModelInput, Stage, Stem
from nas.errors import ParameterError, UnknownNameError
from search_spaces.cost import cost, part_cost
from search_spaces.exports.onnx_file import convert
from search_spaces.folding import folded
from search_spaces.model import build, canonical, grids

AT = ModelInput(3, 32, 32, 10)
CNN = Architecture(
    tuple(Stage("dense_conv", depth, width, 0) for depth, width in ((0, 24), (1, 48), (1, 96), (0, 128))),
    "plain",
    Blueprint(stem=Stem(3, 2)),
)
SPACES = [plugins.load(plugins.SPACES, name) for name in ("hybrid-8", "hybrid-16", "hybrid-32", "hybrid-64")]


def plain_cnn() -> nn.Module:
    """Build six 3x3 convolutions with batch norm and ReLU without our builder."""
    layers: list[nn.Module] = []
    for inputs, outputs, stride in ((3, 24, 2), (24, 48, 2), (48, 48, 1), (48, 96, 2), (96, 96, 1), (96, 128, 2)):
        layers += [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))


def test_the_plain_cnn_is_a_member_weight_for_weight() -> None:
    hybrid = plugins.load(plugins.SPACES, "hybrid").for_pictures(AT)
    assert hybrid.decode(hybrid.encode(CNN)) == CNN
    ours, theirs = build(CNN, AT), plain_cnn()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    x_BCHW = torch.randn(8, 3, 32, 32)
    for _ in range(2):
        torch.testing.assert_close(ours(x_BCHW), theirs(x_BCHW))
    torch.testing.assert_close(folded(ours)(x_BCHW), theirs.eval()(x_BCHW), rtol=1e-5, atol=1e-5)


def test_a_deployed_plain_cnn_is_six_convolutions_and_no_norm(tmp_path) -> None:
    import onnx

    convert(folded(build(CNN, AT)), torch.zeros(2, 3, 32, 32), tmp_path / "cnn.onnx", {})
    operations = [node.op_type for node in onnx.load(tmp_path / "cnn.onnx").graph.node]
    assert operations.count("Conv") == 6
    assert not {"BatchNormalization", "Transpose"} & set(operations)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), space=st.sampled_from(SPACES))
def test_members_are_canonical_and_cost_the_sum_of_their_parts(seed, space) -> None:
    member = space.sample(random.Random(seed))
    assert Architecture.from_dict(member.to_dict()) == member
    assert canonical(member) == member
    at = replace(AT, height_px=64, width_px=72)
    assert sum((part_cost(member, index, at) for index in range(len(member.stages))), Cost(0, 0, 0)) == cost(member, at)


@pytest.mark.parametrize(
    "stem", [Stem(3, 1), Stem(3, 2), Stem(3, 2, 2), Stem(3, 4, 2), Stem(4, 4), Stem(3, 4, 1, True)]
)
@pytest.mark.parametrize("size_px", [15, 16, 17, 30, 33])
def test_grids_equal_those_of_the_built_network(stem: Stem, size_px: int) -> None:
    stages = (Stage("pool", 1, 8), Stage("pool", 1, 8))
    for downsample in ("conv", "patch", "conv_pool", "pool"):
        architecture = Architecture(stages, "plain", Blueprint(stem=stem, downsample=downsample))
        at = ModelInput(1, size_px, size_px + 3, 4)
        network = build(architecture, at)
        shapes: list[tuple[int, ...]] = []
        for stage in network.stages:
            stage.register_forward_hook(lambda *call, shapes=shapes: shapes.append(tuple(call[2].shape[2:])))
        assert network(torch.randn(2, 1, size_px, size_px + 3)).shape == (2, 4)
        assert shapes == grids(architecture, at)


@pytest.mark.parametrize(
    ("norm", "activation"), product(("batch", "layer", "group", "rms"), ("relu", "hard_swish", "gelu", "star_relu"))
)
def test_every_choice_trains(norm: str, activation: str) -> None:
    stages = (Stage("inverted_bottleneck", 1, 16, 0, (("squeeze", True),)), Stage("attention", 1, 32, 1.5))
    network = build(Architecture(stages, "plain", Blueprint(norm=norm, activation=activation)), AT)
    network(torch.randn(4, 3, 32, 32)).square().sum().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None] == []


def test_a_stage_without_blocks_has_no_mixer() -> None:
    one, other = (Stage(mixer, 0, 8, ratio) for mixer, ratio in (("conv", 4), ("pool", 0)))
    assert one == other
    assert Architecture((one, Stage("pool", 1, 8))).layout == "-P"


def test_architectures_of_earlier_versions_keep_their_key() -> None:
    """The canonical JSON as version 0.1 recorded it."""
    architecture = Architecture((Stage("pool", 1, 32), Stage("conv", 2, 40, options={"kernel": 5})))
    assert architecture.canonical_json == (
        '{"stages":[{"depth":1,"mixer":"pool","width":32},'
        '{"depth":2,"mixer":"conv","options":{"kernel":5},"width":40}]}'
    )


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Stem(3, 3), "stem stride 3 is not one of 1, 2, 4"),
        (lambda: Stem(16, 1), "stem kernel 16 is above 15"),
        (lambda: Stem(3, 4), "stem kernel 3 is below a convolution's stride 4"),
        (lambda: Stem(3, 1, pool=True), "stem pool needs a stem stride of 2"),
        (lambda: Stem(3, 2, convs=3), "stem convs 3 is above 2"),
        (lambda: Stem.from_dict({"kernel": 3}), "stem lacks stride"),
        (lambda: Blueprint.from_dict({"colour": "red"}), "blueprint has unknown colour; valid: activation"),
        (lambda: Blueprint(norm=3), "blueprint norm 3 is not a name"),
        (lambda: canonical(replace(CNN, recipe="v1")), "blueprint stem: a published recipe fixes these fields"),
        (lambda: canonical(replace(CNN, blueprint=Blueprint(activation="swish"))), "unknown activation 'swish'"),
        (lambda: build(CNN, ModelInput(3, 16, 16, 10)), "16x16 px is too small for 4 stages: at least 17x17"),
    ],
)
def test_an_invalid_blueprint_is_named(make, named: str) -> None:
    with pytest.raises((ParameterError, UnknownNameError), match=named):
        make()
