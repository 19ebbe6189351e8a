"""The protocol of plug-ins that build networks from architectures: entry points of group `nas.builders`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nas.architecture import Architecture, Cost, ModelInput, PartCosts, Stage

if TYPE_CHECKING:
    from torch import nn

    from nas.space import SearchSpace


@dataclass(frozen=True)
class ContractCheck:
    """One check of a token mixer's contract: its name, and the violation in one line; None if the mixer passes."""

    name: str
    violation: str | None


class Builder(PartCosts, Protocol):
    """Builds networks from architectures, and computes their cost without building them in full."""

    def build(self, architecture: Architecture, model_input: ModelInput) -> "nn.Module":
        """Return the network, with fresh weights from torch's global generator. Images x_BCHW to logits (B, classes).

        Raises ParameterError or UnknownNameError for an architecture or an input that cannot be built.
        """

    def folded(self, model: "nn.Module") -> "nn.Module":
        """Return a copy of the network for deployment, in evaluation mode: batch norms folded, the same outputs."""

    def canonical(self, architecture: Architecture) -> Architecture:
        """Return the canonical form of the architecture, without values at their defaults. Raises as `build` does."""

    def cost(self, architecture: Architecture, model_input: ModelInput) -> Cost:
        """Return the cost, counted on the network itself without memory for its weights. Raises as `build` does.

        Parameters are those of training, multiply-accumulates those of the folded network.
        """

    def peak_memory(self, architecture: Architecture, model_input: ModelInput) -> int:
        """Return the peak bytes of the folded network's weights and live activations for one float32 image."""

    def supernet(self, space: "SearchSpace", model_input: ModelInput) -> "nn.Module":
        """Return one network with the weights of all members, fresh from torch's global generator.

        Called with images and a member, it returns that member's logits; with `begin` and `end` too, it runs only those
        of its parts: the stem, each stage, the head. `inherited(member)` returns the member's weights, by their names
        in the network that `build` makes. Raises as `build` does.
        """

    def build_mixer(self, name: str, tokens: ModelInput) -> "nn.Module":
        """Return a token mixer on its own for a grid of tokens, with `channels` as its width. x_BCHW to the same shape.

        Raises UnknownNameError.
        """

    def checked_mixer(self, stage: Stage, recipe: str) -> "nn.Module":
        """Return a stage's token mixer, built without memory for its weights, after a call of it.

        Raises UserError for one that no network could have.
        """

    def mixer_cost(self, name: str, tokens: ModelInput) -> Cost:
        """Return the cost of the mixer that `build_mixer` returns. Raises UnknownNameError."""

    def check_contract(self, name: str) -> Iterator[ContractCheck]:
        """Put a token mixer to every check of the contract, one after another.

        Raises UnknownNameError, or PluginError for a mixer that cannot be imported, before the first.
        """
