"""The mobile spaces and the deployed form of their mixers: costs, memory, exports, a supernet's members."""

import random
import runpy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import nas
from nas import plugins
from nas.architecture import Architecture, ModelInput, Stage
from nas.exports.config import ExportedConfig
from nas.exports.source import WEIGHTS_FILE
from nas.space import SearchSpace
from nas.space.mixing import GLOBAL, LOCAL, mixing_of
from search_spaces import hybrid, mobile
from search_spaces.cost import cost, part_cost
from search_spaces.exports.onnx_file import export
from search_spaces.exports.python_file import export as export_python
from search_spaces.exports.torch_folder import export as export_folder
from search_spaces.exports.weights import network_of
from search_spaces.folding import largest_difference
from search_spaces.memory import peak_memory
from search_spaces.model import build
from search_spaces.supernet import Supernet

SPACES = [getattr(mobile, name) for name in dir(mobile) if name.startswith("MOBILE_") and name[7].isdigit()]
INPUT = ModelInput(1, 14, 14, 10)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_its_networks_are_those_of_hybrid_with_more_mixers(space: SearchSpace) -> None:
    smaller = getattr(hybrid, space.name.replace("mobile-", "HYBRID_"))
    for stage, before in zip(space.stages, smaller.stages, strict=True):
        assert set(map(str, before.mixers)) < set(map(str, stage.mixers))
        is_late = "attention" in map(str, before.mixers)
        assert {mixing_of(mixer.name) for mixer in stage.mixers} == ({LOCAL, GLOBAL} if is_late else {LOCAL})
    assert space.starts == smaller.starts


def test_hybrids_early_mixers_state_that_they_are_local() -> None:
    assert {mixing_of(name) for name in hybrid.LOCAL} == {LOCAL}
    assert mixing_of("attention") == GLOBAL


@pytest.mark.parametrize("seed", range(6))
def test_members_fold_and_are_inherited_from_a_supernet(seed: int) -> None:
    member = mobile.MOBILE_16.sample(random.Random(seed))
    assert largest_difference(build(member, INPUT), torch.randn(2, 1, 14, 14)) < 1e-5
    whole = cost(member, INPUT)
    shares = [part_cost(member, index, INPUT) for index in range(len(member.stages))]
    assert whole.macs == sum(share.macs for share in shares)
    space = replace(mobile.MOBILE_16, stages=tuple(replace(stage, depths=(1, 2)) for stage in mobile.MOBILE_16.stages))
    supernet = Supernet(space, INPUT).eval()
    member = space.sample(random.Random(seed))
    logits = supernet(torch.randn(2, 1, 14, 14), member)
    assert logits.shape == (2, 10)
    build(member, INPUT).load_state_dict(supernet.inherited(member))


@pytest.mark.parametrize("recipe", ["plain", "compact"])
def test_costs_and_memory_are_of_the_folded_network(recipe: str) -> None:
    """A depthwise convolution with a bias is what RepMixer folds into."""
    rep, depthwise = (Architecture((Stage(mixer, 2, 16, 0),), recipe) for mixer in ("rep_mixer", "depthwise"))
    assert cost(rep, INPUT).macs == cost(depthwise, INPUT).macs
    assert cost(rep, INPUT).parameters - cost(depthwise, INPUT).parameters == 2 * 9 * 16
    bias_bytes = 2 * 16 * 4 if recipe == "compact" else 0
    assert peak_memory(rep, INPUT) == peak_memory(depthwise, INPUT) + bias_bytes


@pytest.mark.parametrize("recipe", ["plain", "compact"])
def test_a_folder_is_loaded_folded(recipe: str, tmp_path: Path) -> None:
    stages = (
        Stage("rep_mixer", 1, 16, 1),
        Stage("linear_attention", 1, 32, 1),
        Stage("single_head_attention", 1, 32, 1),
    )
    config = ExportedConfig(Architecture(stages, recipe), INPUT, plugins.BUILDER, {"seed": 0})
    export_folder(config, None, tmp_path / "folder")
    network, folded = nas.load(tmp_path / "folder"), nas.load(tmp_path / "folder", folded=True)
    x_BCHW = torch.randn(2, 1, 14, 14)
    torch.testing.assert_close(folded(x_BCHW), network(x_BCHW), rtol=1e-5, atol=1e-5)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    assert sum(map(torch.numel, folded.parameters())) < sum(map(torch.numel, network.parameters()))
    assert "agrees with torch" in export(config, tmp_path / "folder" / WEIGHTS_FILE, tmp_path / "network.onnx")


def test_every_mixer_is_a_plug_in() -> None:
    named = {mixer.name for space in SPACES for stage in space.stages for mixer in stage.mixers}
    assert named <= set(plugins.names(plugins.MIXERS))


@pytest.mark.parametrize("recipe", ["plain", "compact"])
@pytest.mark.parametrize("mixer", plugins.names(plugins.MIXERS))
def test_exported_python_computes_the_same(mixer: str, recipe: str, tmp_path: Path) -> None:
    """Its classes are gathered by name: no two of them may have the same one. Where norms fold, its `folded` too."""
    config = ExportedConfig(
        Architecture((Stage(mixer, 1, 16, 1), Stage(mixer, 1, 32, 0)), recipe), INPUT, plugins.BUILDER, {"seed": 0}
    )
    network = network_of(config, None)
    export_python(config, None, tmp_path / "network.py")
    exported = runpy.run_path(str(tmp_path / "network.py"))
    rebuilt = exported["build"]().eval()
    rebuilt.load_state_dict(network.state_dict())
    x_BCHW = torch.randn(2, 1, 14, 14)
    with torch.no_grad():
        torch.testing.assert_close(rebuilt(x_BCHW), network(x_BCHW))
        if "folded" in exported:
            torch.testing.assert_close(exported["folded"](rebuilt)(x_BCHW), network(x_BCHW), rtol=1e-5, atol=1e-5)
