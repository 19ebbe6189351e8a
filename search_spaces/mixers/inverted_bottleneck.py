"""MobileNetV2's inverted bottleneck (Sandler et al., 2018) as a token mixer, optionally with squeeze-and-excitation."""

from typing import ClassVar

from torch import Tensor, nn

from search_spaces.activation import make_activation
from search_spaces.conv_norm import conv_norm
from search_spaces.mixer_options import check_expansion, check_odd
from search_spaces.norms import make_norm

# The expanded channels over those in the middle of squeeze-and-excitation (MobileNetV3).
SQUEEZE_RATIO = 4


class SqueezeExcitation(nn.Module):
    """A gate per channel, computed from all channels' means (Hu et al., 2018). On x_BCHW."""

    def __init__(self, width: int) -> None:
        super().__init__()
        middle = max(1, width // SQUEEZE_RATIO)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(width, middle, 1)
        self.act = nn.ReLU()
        self.expand = nn.Conv2d(middle, width, 1)
        self.gate = nn.Hardsigmoid()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        scale_BC11: Tensor = self.gate(self.expand(self.act(self.reduce(self.pool(x_BCHW)))))
        return x_BCHW * scale_BC11


class InvertedBottleneck(nn.Module):
    """Pointwise expansion, depthwise `kernel` x `kernel`, pointwise projection. The norm behind it is the block's.

    `squeeze` adds squeeze-and-excitation after the depthwise convolution. `activation` and `norm` are the blueprint's.
    """

    cost: ClassVar = "O(n)"
    mixing: ClassVar = "local"
    tied: ClassVar = False
    bound_by: ClassVar = "memory bandwidth and compute"
    is_nonlinear: ClassVar = True
    last: ClassVar = "project"

    def __init__(
        self,
        width: int,
        grid: tuple[int, int],
        *,
        kernel: int = 3,
        expansion: int = 4,
        squeeze: bool = False,
        activation: str = "relu",
        norm: str = "batch",
    ) -> None:
        super().__init__()
        check_odd("kernel", kernel)
        check_expansion(expansion)
        inner = expansion * width
        self.expand = conv_norm(width, inner, 1, make_norm(norm, inner))
        self.act1 = make_activation(activation)
        self.depthwise = conv_norm(inner, inner, kernel, make_norm(norm, inner), groups=inner)
        self.act2 = make_activation(activation)
        self.squeeze = SqueezeExcitation(inner) if squeeze else nn.Identity()
        self.project = nn.Conv2d(inner, width, 1, bias=False)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        x_BCHW = self.act1(self.expand(x_BHWC.permute(0, 3, 1, 2)))
        mixed_BCHW: Tensor = self.project(self.squeeze(self.act2(self.depthwise(x_BCHW))))
        return mixed_BCHW.permute(0, 2, 3, 1)

    def on_channels_first(self) -> nn.Module:
        """Return the same mixer on x_BCHW."""
        return nn.Sequential(self.expand, self.act1, self.depthwise, self.act2, self.squeeze, self.project)
