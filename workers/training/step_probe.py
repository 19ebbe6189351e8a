"""A training step of few images, taken to learn what a step costs: its time, and the memory that it keeps for backward.

What autograd saves for the backward pass makes the peak of a step: measured on networks of 14 to 224 px the peak of a
batch of 32 was 0.9 to 1.3 times what two images saved, times their number.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.architecture import ModelInput

# Batch norm has no statistics of a single image on a grid of one token.
IMAGES = 2
# Bytes at the peak of a step over those that the forward pass saved.
TEMPORARIES = 1.1
# Weights, their gradients, and Adam's two moments.
COPIES_OF_WEIGHTS = 4


@dataclass(frozen=True)
class StepMemory:
    """Peak bytes of a training step: a part for the weights, and a part for each image of the batch."""

    weights_bytes: int
    bytes_per_image: float

    def of(self, images: int) -> int:
        return int(self.weights_bytes + self.bytes_per_image * images)


def step_memory(build: Callable[[], nn.Module], model_input: ModelInput, *, is_expensive: bool) -> StepMemory:
    """The memory of a step of the network. Weights of the network of an expensive one, and its results, are not made.

    A copy is built, whose random numbers are not those of torch's global generator.
    """
    mode: AbstractContextManager[object] = nullcontext()
    if is_expensive:
        # Its import takes a second.
        from torch._subclasses.fake_tensor import FakeTensorMode

        mode = FakeTensorMode()
    with torch.random.fork_rng(devices=[]), mode:
        network = build().train()
        return _saved(network, *_batch(model_input, IMAGES))


def step_seconds(network: nn.Module, model_input: ModelInput, images: int, clock: Callable[[], float]) -> float:
    """Seconds of a forward and a backward pass in fp32, channels_last, on random images."""
    x_BCHW, labels_B = _batch(model_input, images)
    started = clock()
    F.cross_entropy(network(x_BCHW), labels_B).backward()  # type: ignore[no-untyped-call]
    return clock() - started


def _saved(network: nn.Module, x_BCHW: Tensor, labels_B: Tensor) -> StepMemory:
    own = {each.untyped_storage()._cdata for each in (*network.parameters(), *network.buffers())}
    saved: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            # Held, so that no other one gets its address.
            saved[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = F.cross_entropy(network(x_BCHW), labels_B)
    total = sum(storage.nbytes() for storage in saved.values())
    del loss
    weights = sum(each.numel() * each.element_size() for each in network.parameters())
    return StepMemory(COPIES_OF_WEIGHTS * weights, TEMPORARIES * total / len(labels_B))


def _batch(model_input: ModelInput, images: int) -> tuple[Tensor, Tensor]:
    shape = (images, model_input.channels, model_input.height_px, model_input.width_px)
    x_BCHW = torch.zeros(shape).contiguous(memory_format=torch.channels_last)
    return x_BCHW, torch.zeros(images, dtype=torch.long)
