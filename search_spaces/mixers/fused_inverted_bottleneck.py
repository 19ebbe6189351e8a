"""The fused inverted bottleneck as a token mixer: one dense convolution expands (Tan and Le, EfficientNetV2, 2021)."""

from typing import ClassVar

from torch import Tensor, nn

from search_spaces.activation import make_activation
from search_spaces.conv_norm import conv_norm
from search_spaces.mixer_options import check_expansion, check_odd
from search_spaces.norms import make_norm


class FusedInvertedBottleneck(nn.Module):
    """A `kernel` x `kernel` convolution to `expansion` times the width, then a pointwise projection.

    The norm behind it is the block's. `activation` and `norm` are the blueprint's.
    """

    cost: ClassVar = "O(n)"
    mixing: ClassVar = "local"
    tied: ClassVar = False
    bound_by: ClassVar = "compute"
    is_nonlinear: ClassVar = True
    last: ClassVar = "project"

    def __init__(
        self,
        width: int,
        grid: tuple[int, int],
        *,
        kernel: int = 3,
        expansion: int = 2,
        activation: str = "relu",
        norm: str = "batch",
    ) -> None:
        super().__init__()
        check_odd("kernel", kernel)
        check_expansion(expansion)
        inner = expansion * width
        self.expand = conv_norm(width, inner, kernel, make_norm(norm, inner))
        self.act = make_activation(activation)
        self.project = nn.Conv2d(inner, width, 1, bias=False)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        mixed_BCHW: Tensor = self.project(self.act(self.expand(x_BHWC.permute(0, 3, 1, 2))))
        return mixed_BCHW.permute(0, 2, 3, 1)

    def on_channels_first(self) -> nn.Module:
        """Return the same mixer on x_BCHW."""
        return nn.Sequential(self.expand, self.act, self.project)
