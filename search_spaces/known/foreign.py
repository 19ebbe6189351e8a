"""Networks that are not of this package's parts, and how they are deployed: what can be folded safely, is."""

import copy

import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from nas.architecture import ModelInput

# Largest difference of the folded network's logits, over the larger of 1 and theirs.
TOLERANCE = 1e-4


class ForeignNetwork(nn.Module):
    """Wraps a network of timm's or of a user's. Images x_BCHW to logits_BK."""

    def __init__(self, network: nn.Module, model_input: ModelInput) -> None:
        super().__init__()
        self.network = network
        self._shape = (1, model_input.channels, model_input.height_px, model_input.width_px)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        logits_BK: Tensor = self.network(x_BCHW)
        return logits_BK

    def deployed(self) -> nn.Module:
        """A copy in evaluation mode: branches merged as timm merges them, batch norms folded into convolutions.

        What cannot be traced, or would not compute the same, is left as it is.
        """
        whole = copy.deepcopy(self).eval()
        x_BCHW = torch.randn(self._shape, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            before = whole(x_BCHW.to(next(whole.parameters()).device))
            try:
                folded = fuse(_merged(copy.deepcopy(whole.network)))
                after = folded(x_BCHW.to(before.device))
            # Anybody's code, which need not be traceable.
            except Exception:
                return whole
        scale = max(1.0, float(before.abs().max()))
        whole.network = folded if float((before - after).abs().max()) <= TOLERANCE * scale else whole.network
        return whole


def _merged(network: nn.Module) -> nn.Module:
    """timm's own simplifications, and its norms with an activation as the norm and the activation."""
    from timm.layers.norm_act import BatchNormAct2d
    from timm.utils.model import reparameterize_model

    network = reparameterize_model(network, inplace=True)
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, BatchNormAct2d):
                setattr(parent, name, nn.Sequential(_plain(child), child.drop, child.act))
    return network


def _plain(norm: nn.BatchNorm2d) -> nn.BatchNorm2d:
    """The same batch norm as one of torch's."""
    plain = nn.BatchNorm2d(norm.num_features, norm.eps, norm.momentum or 0.1)
    plain.load_state_dict(norm.state_dict())
    return plain.eval()
