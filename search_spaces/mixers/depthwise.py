"""A plain depthwise convolution as a token mixer: pooling with learned weights (Li et al., EfficientFormerV2)."""

from typing import ClassVar

from torch import Tensor, nn

from search_spaces.mixer_options import check_odd


class Depthwise(nn.Module):
    """One `kernel` x `kernel` filter per channel, without bias: by default 9d parameters at width d."""

    cost: ClassVar = "O(n)"
    mixing: ClassVar = "local"
    tied: ClassVar = False
    bound_by: ClassVar = "memory bandwidth"
    last: ClassVar = "conv"

    def __init__(self, width: int, grid: tuple[int, int], *, kernel: int = 3) -> None:
        super().__init__()
        check_odd("kernel", kernel)
        self.conv = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width, bias=False)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        mixed_BCHW: Tensor = self.conv(x_BHWC.permute(0, 3, 1, 2))
        return mixed_BCHW.permute(0, 2, 3, 1)

    def on_channels_first(self) -> nn.Module:
        """Return the same mixer on x_BCHW."""
        return self.conv
