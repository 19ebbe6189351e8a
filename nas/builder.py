"""What the core asks of a room that makes networks of architectures: entry points of group `nas.builders`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nas.architecture import Architecture, ModelInput

if TYPE_CHECKING:
    from torch import nn

    from nas.space import SearchSpace


@dataclass(frozen=True)
class Cost:
    """What a network costs before anything is timed, for one image.

    `macs` are the multiply-accumulates of convolutions, matrix products and Fourier transforms.
    """

    parameters: int
    frozen: int
    macs: int

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.parameters + other.parameters, self.frozen + other.frozen, self.macs + other.macs)

    def __mul__(self, times: int) -> "Cost":
        return Cost(self.parameters * times, self.frozen * times, self.macs * times)


class Builder(Protocol):
    """Makes networks of architectures, and knows what they cost without making them in full."""

    def build(self, architecture: Architecture, model_input: ModelInput) -> "nn.Module":
        """The network, with fresh weights from torch's global generator. Images (B, channels, height, width) to logits.

        Raises ParameterError or UnknownNameError for an architecture or an input that cannot be built.
        """

    def folded(self, model: "nn.Module") -> "nn.Module":
        """A copy of the network as it is deployed, in evaluation mode: batch norms folded away, the same outputs."""

    def canonical(self, architecture: Architecture) -> Architecture:
        """The one spelling of the network: what is as by default is left out. Raises as `build` does."""

    def cost(self, architecture: Architecture, model_input: ModelInput) -> Cost:
        """Counted on the network itself, without memory for its weights. Raises as `build` does."""

    def peak_memory(self, architecture: Architecture, model_input: ModelInput) -> int:
        """Bytes of the weights and of the activations alive at once, of one image in float32, run eagerly."""

    def supernet(self, space: "SearchSpace", model_input: ModelInput) -> "nn.Module":
        """One network with the weights of all members, fresh from torch's global generator. Called with images and a
        member it gives that one's logits; with `begin` and `end` too only those of its parts run: the stem, each stage,
        the head. `inherited(member)` are the weights that it has of them, by their names in the network that `build`
        makes. Raises as `build` does.
        """

    def build_mixer(self, name: str, tokens: ModelInput) -> "nn.Module":
        """A token mixer by itself for a grid of tokens, `channels` its width. (B, channels, height, width) to the same.

        Raises UnknownNameError.
        """

    def mixer_cost(self, name: str, tokens: ModelInput) -> Cost:
        """What that mixer costs."""

    def part_cost(self, architecture: Architecture, index: int, model_input: ModelInput) -> Cost:
        """The share of stage `index` (from 0): its blocks and what leads to it, in the last stage the head too.

        It depends on the stage, the width before it, the recipe and the input alone, and the shares add up to `cost`.
        """


def counted(builder: Builder, architecture: Architecture, model_input: ModelInput) -> Cost:
    """The architecture's cost by its parts, which builders count once and remember."""
    parts = (builder.part_cost(architecture, index, model_input) for index in range(len(architecture.stages)))
    return sum(parts, Cost(0, 0, 0))
