"""Ways to take a training step in less memory, all with the same result.

Networks whose images do not see each other train on a part of the batch at a time and add the gradients up. Batch norm
takes its statistics over the whole batch: there the batch stays whole, and the activations inside of blocks are not
kept for the backward pass but computed again (Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016).
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

# Parts of a batch, from the fastest way to the smallest.
PARTS = (4, 16)


@dataclass(frozen=True)
class MicroBatch:
    """How a step is taken: `images` at a time, and whether blocks' activations are computed again in backward."""

    images: int
    recompute: bool = False

    def prepare(self, network: nn.Module) -> None:
        """Make the network compute its blocks' activations again, if this way asks for it. Weights keep their names."""
        if self.recompute:
            recompute_blocks(network)

    def environment(self, batch: int) -> Mapping[str, Any]:
        """What a trial's record says of it; nothing of whole batches."""
        images = {"images at a time": self.images} if self.images < batch else {}
        return {**images, **({"activations": "computed again"} if self.recompute else {})}


def ways(network: nn.Module, batch: int) -> Sequence[MicroBatch]:
    """The whole batch at once, then what takes less memory and more time."""
    if has_batch_statistics(network):
        return [MicroBatch(batch), MicroBatch(batch, recompute=True)]
    return [MicroBatch(images) for images in dict.fromkeys([batch, *(max(1, batch // part) for part in PARTS)])]


def has_batch_statistics(network: nn.Module) -> bool:
    """Whether what an image comes to in training depends on the others of its batch."""
    return any(isinstance(module, _BatchNorm) for module in network.modules())


def recompute_blocks(network: nn.Module) -> None:
    """From now on each block keeps its input alone in training and computes the rest again in the backward pass.

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
    """Around the first computation, and around the second one."""
    return nullcontext(), _frozen_statistics(block)


@contextmanager
def _frozen_statistics(block: nn.Module) -> Iterator[None]:
    """Batch norms use the batch's statistics and leave the running ones as they are."""
    norms = [module for module in block.modules() if isinstance(module, _BatchNorm)]
    kept = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, batches) in zip(norms, kept, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, batches
