"""What every registered known network must do, a third party's included."""

import pytest
import torch

from nas import plugins
from nas.architecture import Architecture, ModelInput, total_cost
from nas.builder import Builder
from nas.exports.known import known_network
from search_spaces.folding import largest_difference

BASELINES = plugins.names(plugins.BASELINES)
BUILDER: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
INPUTS = [ModelInput(3, 32, 32, 10), ModelInput(1, 8, 8, 3), ModelInput(1, 14, 14, 10), ModelInput(3, 20, 33, 2)]


def made(name: str, model_input: ModelInput) -> torch.nn.Module:
    torch.manual_seed(0)
    return BUILDER.build(known_network(name), model_input)


def images(model_input: ModelInput, count: int = 3) -> torch.Tensor:
    shape = (count, model_input.channels, model_input.height_px, model_input.width_px)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("model_input", INPUTS, ids=lambda size: f"{size.channels}x{size.height_px}x{size.width_px}")
@pytest.mark.parametrize("name", BASELINES)
def test_gives_finite_logits_and_every_learned_parameter_a_gradient(name: str, model_input: ModelInput) -> None:
    network = made(name, model_input)
    logits_BK = network(images(model_input))
    assert logits_BK.shape == (3, model_input.classes)
    assert torch.isfinite(logits_BK).all()
    logits_BK.square().sum().backward()
    learned = {key: weight for key, weight in network.named_parameters() if weight.requires_grad}
    assert [
        key for key, weight in learned.items() if weight.grad is None or not torch.isfinite(weight.grad).all()
    ] == []


@pytest.mark.parametrize("name", BASELINES)
def test_the_seed_decides_the_weights_and_a_state_brings_them_back(name: str) -> None:
    model_input = INPUTS[0]
    x_BCHW = images(model_input)
    one, other = made(name, model_input).eval(), made(name, model_input).eval()
    assert torch.equal(one(x_BCHW), other(x_BCHW))
    with torch.no_grad():
        for weight in other.parameters():
            weight.zero_()
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(x_BCHW), other(x_BCHW))


@pytest.mark.parametrize("name", BASELINES)
def test_costs_are_those_of_the_network_and_counting_draws_nothing(name: str) -> None:
    model_input = INPUTS[0]
    before = torch.get_rng_state()
    cost = BUILDER.cost(known_network(name), model_input)
    peak = BUILDER.peak_memory(known_network(name), model_input)
    assert torch.equal(torch.get_rng_state(), before)
    sizes = [(weight.numel(), weight.requires_grad) for weight in made(name, model_input).parameters()]
    assert cost.parameters == sum(size for size, learned in sizes if learned)
    assert cost.frozen == sum(size for size, learned in sizes if not learned)
    assert cost.macs > 0
    assert peak > 4 * cost.parameters
    assert total_cost(BUILDER, known_network(name), model_input) == cost


@pytest.mark.parametrize("name", BASELINES)
def test_its_architecture_is_plain_data_and_stays_as_it_is(name: str) -> None:
    architecture = known_network(name)
    assert Architecture.from_dict(architecture.to_dict()) == architecture == BUILDER.canonical(architecture)
    assert architecture.key == known_network(name).key


@pytest.mark.parametrize("name", BASELINES)
def test_batch_norms_fold_into_convolutions(name: str) -> None:
    """What deployment does: in evaluation mode the network computes the same without a norm."""
    network = made(name, INPUTS[0])
    for _ in range(3):
        network(3 * images(INPUTS[0], 8))
    deployed = BUILDER.folded(network)
    assert not [module for module in deployed.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert largest_difference(network, images(INPUTS[0])) < 1e-5
