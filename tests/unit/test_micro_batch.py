"""A training step in less memory comes to the same gradients and running statistics as the plain step."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.architecture import Architecture, ModelInput, Stage
from search_spaces.model import build
from workers.training.micro_batch import MicroBatch, blocks, recompute_blocks, ways
from workers.training.step_probe import step_memory

BATCH = 16
INPUT = ModelInput(3, 32, 32, 5)


class Block(nn.Module):
    """A residual of batch norms, with what is random in training."""

    def __init__(self, width: int, momentum: float | None = 0.1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width, momentum=momentum)
        self.dropout = nn.Dropout(0.3)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        mixed_BCHW = F.relu(self.norm1(self.conv1(x_BCHW)))
        summed_BCHW: Tensor = x_BCHW + self.norm2(self.conv2(self.dropout(mixed_BCHW)))
        return summed_BCHW


def with_batch_norm() -> nn.Module:
    stages = nn.Sequential(
        nn.Sequential(Block(8), Block(8, momentum=None)),
        nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1), Block(16), Block(16)),
    )
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5))


def with_layer_norm() -> nn.Module:
    stages = zip(("pool", "conv", "attention"), (16, 24, 32), strict=True)
    return build(Architecture(tuple(Stage(mixer, 2, width) for mixer, width in stages)), INPUT)


def plain_network() -> nn.Module:
    """Of the blueprint whose norms are batch norms."""
    stages = zip(("pool", "dense_conv", "inverted_bottleneck", "attention"), (16, 24, 32, 48), strict=True)
    return build(Architecture(tuple(Stage(mixer, 2, width, 2) for mixer, width in stages), "plain"), INPUT)


def after_a_step(network: nn.Module, way: MicroBatch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Gradients, and the state after a step of SGD, of a copy."""
    network = copy.deepcopy(network).train()
    way.prepare(network)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(1)
    x_BCHW = torch.randn(BATCH, 3, 32, 32, generator=generator)
    labels_B = torch.randint(5, (BATCH,), generator=generator)
    torch.manual_seed(2)
    for images, labels in zip(x_BCHW.split(way.images), labels_B.split(way.images), strict=True):
        loss = F.cross_entropy(network(images), labels) * (len(labels) / BATCH)
        loss.backward()  # type: ignore[no-untyped-call]
    gradients = {name: each.grad.clone() for name, each in network.named_parameters() if each.grad is not None}
    optimiser.step()
    return gradients, network.state_dict()


@pytest.mark.parametrize("make", [with_batch_norm, with_layer_norm, plain_network])
def test_every_way_has_the_plain_steps_result(make) -> None:
    torch.manual_seed(0)
    network = make()
    whole, *smaller = ways(network, BATCH)
    assert whole == MicroBatch(BATCH)
    gradients, state = after_a_step(network, whole)
    assert len(gradients) == len(list(network.parameters()))
    for way in smaller:
        others, other_state = after_a_step(network, way)
        for name, gradient in gradients.items():
            torch.testing.assert_close(others[name], gradient, atol=1e-5, rtol=1e-5)
        assert state.keys() == other_state.keys()
        for name, value in state.items():
            torch.testing.assert_close(other_state[name], value, atol=1e-5, rtol=1e-5)


def test_batch_norm_keeps_the_batch_whole() -> None:
    assert ways(with_batch_norm(), BATCH) == [MicroBatch(BATCH), MicroBatch(BATCH, recompute=True)]
    assert ways(with_layer_norm(), BATCH) == [MicroBatch(16), MicroBatch(4), MicroBatch(1)]


def test_running_statistics_are_updated_once() -> None:
    network = with_batch_norm().train()
    recompute_blocks(network)
    network(torch.randn(4, 3, 32, 32)).sum().backward()
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert [int(norm.num_batches_tracked) for norm in norms] == [1] * len(norms)
    assert [norm.momentum for norm in norms][:4] == [0.1, 0.1, None, 0.1]


def test_blocks_are_the_innermost_composites() -> None:
    assert [type(each) for each in blocks(with_batch_norm())] == [Block] * 4
    assert [type(each).__name__ for each in blocks(with_layer_norm())] == ["Block"] * 6
    assert len(list(blocks(plain_network()))) == 8


def test_recomputing_saves_less_for_the_backward_pass() -> None:
    def recomputing() -> nn.Module:
        network = with_batch_norm()
        recompute_blocks(network)
        return network

    plain, less = (step_memory(make, INPUT, is_expensive=False) for make in (with_batch_norm, recomputing))
    assert less.weights_bytes == plain.weights_bytes
    assert less.bytes_per_image < plain.bytes_per_image / 2


def test_in_evaluation_nothing_is_recomputed() -> None:
    network = with_batch_norm().eval()
    x_BCHW = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        plain = network(x_BCHW)
        recompute_blocks(network)
        assert torch.equal(network(x_BCHW), plain)
