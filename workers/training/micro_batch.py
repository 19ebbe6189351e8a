"""Ways to take a training step in less memory, all with the same result.

Networks that process each image independently train on a part of the batch at a time and add the gradients up. Batch
norm takes its statistics over the whole batch: there the batch stays whole, and the activations inside of blocks are
not kept for the backward pass but computed again (Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

# The numbers of parts to split a batch into, the fastest first.
BATCH_DIVISORS = (4, 16)


@dataclass(frozen=True)
class MicroBatch:
    """A way to take a step: `images` at a time, and whether blocks' activations are recomputed in the backward pass."""

    images: int
    recompute: bool = False

    def prepare(self, network: nn.Module) -> None:
        """Make the network recompute its blocks' activations, if this way asks for it. Weights keep their names."""
        if self.recompute:
            recompute_blocks(network)

    def environment(self, batch: int) -> Mapping[str, Any]:
        """The entries for a trial's record; none for whole batches."""
        images = {"images at a time": self.images} if self.images < batch else {}
        return {**images, **({"activations": "computed again"} if self.recompute else {})}


def ways(network: nn.Module, batch: int) -> Sequence[MicroBatch]:
    """The ways for a network: the whole batch at once, then those that take less memory and more time."""
    if has_batch_statistics(network):
        return [MicroBatch(batch), MicroBatch(batch, recompute=True)]
    sizes = [batch, *(max(1, batch // divisor) for divisor in BATCH_DIVISORS)]
    return [MicroBatch(images) for images in dict.fromkeys(sizes)]


def has_batch_statistics(network: nn.Module) -> bool:
    """Whether an image's result in training depends on the other images of its batch."""
    return any(isinstance(module, _BatchNorm) for module in network.modules())


def recompute_blocks(network: nn.Module) -> None:
    """Make each block keep only its input in training and recompute its activations in the backward pass.

    Running statistics are updated once, by the first of the two computations.
    """
    for block in blocks(network):
        # On the instance: the class, and the names of weights, stay as they are.
        block.forward = partial(_recomputed, block, block.forward)


def blocks(network: nn.Module) -> Iterator[nn.Module]:
    """The composite members of the innermost sequences of blocks: those with more composite members than layers."""
    children = list(network.children())
    composite = [child for child in children if next(child.children(), None) is not None]
    is_sequence = isinstance(network, (nn.Sequential, nn.ModuleList)) and 2 * len(composite) > len(children)
    for child in composite:
        inner = list(blocks(child))
        if inner or not is_sequence:
            yield from inner
        else:
            yield child


def _recomputed(block: nn.Module, forward: Any, *arguments: Any, **options: Any) -> Any:
    if not (block.training and torch.is_grad_enabled()):
        return forward(*arguments, **options)
    contexts = partial(_contexts, block)
    return checkpoint(forward, *arguments, use_reentrant=False, context_fn=contexts, **options)


def _contexts(block: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """The contexts of the first computation and of the second one."""
    return nullcontext(), _frozen_statistics(block)


@contextmanager
def _frozen_statistics(block: nn.Module) -> Iterator[None]:
    """Let batch norms use the batch's statistics without updating the running ones, within the block."""
    norms = [module for module in block.modules() if isinstance(module, _BatchNorm)]
    kept = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, batches) in zip(norms, kept, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, batches
