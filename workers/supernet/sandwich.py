"""The sandwich rule: a supernet trains on each batch its largest network, its smallest and some between them.

With in-place distillation, by Yu and Huang (Universally Slimmable Networks, ICCV 2019): the largest network learns from
the labels, the others also from its predictions. Each network has random mixers.
"""

import random
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.architecture import Architecture
from nas.space import Choice, SearchSpace

# Networks between the largest and the smallest, on each batch.
BETWEEN = 2
# The weight of the largest network's predictions in the others' targets; the rest is the labels'. In a short training
# its predictions are poor for long: at a weight of 1 the supernet is 4% less accurate than with labels alone.
DISTILLED = 0.5


class Sandwich(nn.Module):
    """A supernet in training. Its forward pass is the largest network with each stage's last, most expensive mixer."""

    def __init__(self, supernet: nn.Module, space: SearchSpace) -> None:
        super().__init__()
        self.supernet = supernet
        self._space = space
        self._largest = largest(space)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        logits_BK: Tensor = self.supernet(x_BCHW, self._largest)
        return logits_BK

    def loss(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        """The mean loss over the networks, which are drawn from torch's global generator."""
        generator = random.Random(int(torch.randint(2**62, ())))  # noqa: S311
        members = [self._space.sample(generator) for _ in range(2 + BETWEEN)]
        first, smallest, *between = members
        logits_BK = self.supernet(x_BCHW, self._sized(first, max))
        predicted_BK = logits_BK.detach().softmax(1)
        one_hot_BK = F.one_hot(labels_B, predicted_BK.shape[1]).to(predicted_BK.dtype)
        targets_BK = torch.lerp(one_hot_BK, predicted_BK, DISTILLED)
        others = (self._sized(smallest, min), *between)
        losses = (F.cross_entropy(self.supernet(x_BCHW, member), targets_BK) for member in others)
        return torch.stack([F.cross_entropy(logits_BK, labels_B), *losses]).mean()

    def _sized(self, member: Architecture, choose: Callable[[Sequence[Choice]], Choice]) -> Architecture:
        """The member's mixers (and other choices that are strings) with depths and widths by `choose`."""
        return self._space.compose(
            {
                name: value if isinstance(value, str) else choose(self._space.choices[name])
                for name, value in self._space.encode(member).items()
            }
        )


def largest(space: SearchSpace) -> Architecture:
    """The architecture of each choice's last option, which may not be a member of the space."""
    return space.compose({name: options[-1] for name, options in space.choices.items()})
