"""The contract of every registered training-free feature, on networks of every registered mixer."""

import math

import pytest
import torch
from torch import nn

from nas import plugins
from nas.architecture import Architecture, ModelInput, Stage
from nas.plugins import BUILDER, BUILDERS
from search_spaces.training_free import naswot, synaptic
from workers.data.dataset import Request, split
from workers.data.digits import DIGITS
from workers.training.training_free import TrainingFree

FEATURES, MIXERS = plugins.names(plugins.FEATURES), plugins.names(plugins.MIXERS)
INPUT = ModelInput(1, 14, 14, 10)


def network(mixer: str) -> nn.Module:
    torch.manual_seed(0)
    architecture = Architecture((Stage("pool", 1, 16), Stage(mixer, 1, 32)))
    built: nn.Module = plugins.load(BUILDERS, BUILDER).build(architecture, INPUT)
    return built.train()


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(8, 1, 14, 14, generator=generator), torch.arange(8)


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("name", FEATURES)
def test_it_is_a_finite_number_that_comes_out_the_same_again(name: str, mixer: str) -> None:
    feature = plugins.load(plugins.FEATURES, name)
    model = network(mixer)
    number = feature(model, *batch())
    assert math.isfinite(number)
    # The same after other features, which leave the network unchanged.
    for other in FEATURES:
        plugins.load(plugins.FEATURES, other)(model, *batch())
    assert feature(model, *batch()) == number == feature(network(mixer), *batch())
    untouched = network(mixer).parameters()
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), untouched, strict=True))


def test_naswot_is_the_log_determinant_of_agreeing_units() -> None:
    model = nn.Sequential(nn.Flatten(), nn.ReLU())
    # Codes 11, 10: two units agree with themselves, one across.
    x_BCHW = torch.tensor([[1.0, 1.0], [1.0, -1.0]]).reshape(2, 1, 1, 2)
    assert naswot(model, x_BCHW, torch.tensor([0, 1])) == pytest.approx(math.log(2 * 2 - 1 * 1))
    assert naswot(model, x_BCHW[[0, 0]], torch.tensor([0, 1])) == -math.inf


def test_synaptic_counts_token_mixers_matrices_besides_channel_mlps() -> None:
    def of_mlps(model: nn.Module) -> float:
        return sum(
            float((weight.grad * weight.detach()).abs().sum())
            for name, weight in model.named_parameters()
            if ".mlp." in name and weight.grad is not None
        )

    pool, attention = network("pool"), network("attention")
    assert synaptic(pool, *batch()) == pytest.approx(of_mlps(pool))
    assert synaptic(attention, *batch()) > of_mlps(attention)


def test_one_that_fails_is_left_out_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any failure: it is third-party code, and is computed also for candidates that are never trained."""

    def broken(model: nn.Module, x_BCHW: torch.Tensor, labels_B: torch.Tensor) -> float:
        raise RuntimeError("no feature\nof this one")

    def nothing(model: nn.Module, x_BCHW: torch.Tensor, labels_B: torch.Tensor) -> None:
        return None

    own = {"broken": broken, "nothing": nothing, "endless": lambda *_: math.inf}
    load = plugins.load
    monkeypatch.setattr(plugins, "check", lambda *_, **__: None)
    monkeypatch.setattr(plugins, "load", lambda group, name: own.get(name) or load(group, name))
    data = split(DIGITS, DIGITS.open(Request(None, None, False), "train"), size_px=14, train_size=64, seed=0)
    features = TrainingFree.of(data, ["naswot", *own], load(BUILDERS, BUILDER), 0)
    architecture = Architecture((Stage("pool", 1, 16), Stage("conv", 1, 32)))
    before = torch.get_rng_state()
    assert list(features(architecture).costs) == ["feature:naswot"]
    assert features(architecture).environment["no feature:broken"] == "RuntimeError: no feature of this one"
    assert set(features(architecture).obstacles) == set(own)
    assert features.named("endless", architecture) is None
    assert torch.equal(torch.get_rng_state(), before)
