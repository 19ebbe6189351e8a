"""Networks from outside this package, and their deployed form, in which all that can be folded safely is folded."""

import copy

import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from nas.architecture import ModelInput

# The largest difference of the folded network's logits that is accepted, over the larger of 1 and theirs.
TOLERANCE = 1e-4


class ForeignNetwork(nn.Module):
    """A network from timm or of the user's own. Images x_BCHW to logits_BK."""

    def __init__(self, network: nn.Module, model_input: ModelInput) -> None:
        super().__init__()
        self.network = network
        self._shape = (1, model_input.channels, model_input.height_px, model_input.width_px)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        logits_BK: Tensor = self.network(x_BCHW)
        return logits_BK

    def deployed(self) -> nn.Module:
        """Copy the network in evaluation mode, with timm's branches merged and batch norms folded into convolutions.

        A network that cannot be traced, or that would compute something else, is copied unchanged.
        """
        network = copy.deepcopy(self).eval()
        x_BCHW = torch.randn(self._shape, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            before = network(x_BCHW.to(next(network.parameters()).device))
            try:
                folded = fuse(_merged(copy.deepcopy(network.network)))
                after = folded(x_BCHW.to(before.device))
            # Third-party code need not be traceable.
            except Exception:
                return network
        scale = max(1.0, float(before.abs().max()))
        if float((before - after).abs().max()) <= TOLERANCE * scale:
            network.network = folded
        return network


def _merged(network: nn.Module) -> nn.Module:
    """Apply timm's own simplifications, and split its norms with an activation into norm and activation."""
    from timm.layers.norm_act import BatchNormAct2d
    from timm.utils.model import reparameterize_model

    network = reparameterize_model(network, inplace=True)
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, BatchNormAct2d):
                setattr(parent, name, nn.Sequential(_plain(child), child.drop, child.act))
    return network


def _plain(norm: nn.BatchNorm2d) -> nn.BatchNorm2d:
    """Convert the batch norm to torch's class."""
    plain = nn.BatchNorm2d(norm.num_features, norm.eps, norm.momentum or 0.1)
    plain.load_state_dict(norm.state_dict())
    return plain.eval()
