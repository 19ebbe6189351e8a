"""A plain convolution as a token mixer: tokens and channels are mixed at once, as in any convolutional network."""

from typing import ClassVar

from torch import Tensor, nn

from search_spaces.mixer_options import check_odd


class DenseConv(nn.Module):
    """One `kernel` x `kernel` convolution over all channels, without bias: by default 9d^2 parameters at width d.

    At small widths it beats depthwise convolutions per millisecond (Tan and Le, EfficientNetV2, 2021).
    """

    cost: ClassVar = "O(n)"
    mixing: ClassVar = "local"
    tied: ClassVar = False
    bound_by: ClassVar = "compute"
    stands_alone: ClassVar = True
    last: ClassVar = "conv"

    def __init__(self, width: int, grid: tuple[int, int], *, kernel: int = 3) -> None:
        super().__init__()
        check_odd("kernel", kernel)
        self.conv = nn.Conv2d(width, width, kernel, padding=kernel // 2, bias=False)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        mixed_BCHW: Tensor = self.conv(x_BHWC.permute(0, 3, 1, 2))
        return mixed_BCHW.permute(0, 2, 3, 1)

    def on_channels_first(self) -> nn.Module:
        """Return the same mixer on x_BCHW."""
        return self.conv
