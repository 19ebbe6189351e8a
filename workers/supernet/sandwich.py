"""How a supernet is trained: on each batch the largest network, the smallest and some between them.

The sandwich rule and in-place distillation of Yu and Huang (Universally Slimmable Networks, ICCV 2019): the largest
learns from the labels, the others also from what it says. Mixers are drawn anew for each of them.
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
# How much of what the others learn is said by the largest; the rest are the labels. In a training as short as this one
# the largest has little to say for long: with all of it the supernet is 4% less accurate than with labels alone.
DISTILLED = 0.5


class Sandwich(nn.Module):
    """A supernet that learns as a whole. As a module of its own it is the largest network with each stage's last mixer,
    the dearest.
    """

    def __init__(self, supernet: nn.Module, space: SearchSpace) -> None:
        super().__init__()
        self.supernet = supernet
        self._space = space
        self._largest = largest(space)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        logits_BK: Tensor = self.supernet(x_BCHW, self._largest)
        return logits_BK

    def loss(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        """The mean over the networks, which are drawn from torch's global generator."""
        generator = random.Random(int(torch.randint(2**62, ())))  # noqa: S311
        members = [self._space.sample(generator) for _ in range(2 + BETWEEN)]
        first, smallest, *between = members
        logits_BK = self.supernet(x_BCHW, self._sized(first, max))
        said_BK = logits_BK.detach().softmax(1)
        wanted_BK = torch.lerp(F.one_hot(labels_B, said_BK.shape[1]).to(said_BK.dtype), said_BK, DISTILLED)
        others = (self._sized(smallest, min), *between)
        of_others = (F.cross_entropy(self.supernet(x_BCHW, member), wanted_BK) for member in others)
        return torch.stack([F.cross_entropy(logits_BK, labels_B), *of_others]).mean()

    def _sized(self, member: Architecture, choose: Callable[[Sequence[Choice]], Choice]) -> Architecture:
        """The member's mixers (and what else is a word) in a network of the depths and widths that are chosen."""
        return self._space.compose(
            {
                name: value if isinstance(value, str) else choose(self._space.choices[name])
                for name, value in self._space.encode(member).items()
            }
        )


def largest(space: SearchSpace) -> Architecture:
    """Each choice the last one; it may be no member."""
    return space.compose({name: options[-1] for name, options in space.choices.items()})
