"""What the core asks of a room that makes networks of architectures: entry points of group `nas.builders`."""

from typing import TYPE_CHECKING, Protocol

from nas.architecture import Architecture, Cost, ModelInput, PartCosts

if TYPE_CHECKING:
    from torch import nn

    from nas.space import SearchSpace


class Builder(PartCosts, Protocol):
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
