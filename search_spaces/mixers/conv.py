"""Separable convolution as a token mixer: ConvFormer's SepConv (Yu et al., TPAMI 2024)."""

from typing import ClassVar

from torch import Tensor, nn

from search_spaces.activation import StarReLU
from search_spaces.mixer_options import check_expansion, check_odd


class SepConv(nn.Module):
    """Pointwise expansion, StarReLU, depthwise `kernel` x `kernel`, pointwise projection, all without biases.

    By default 4d^2 + 98d + 2 parameters at width d.
    """

    cost: ClassVar = "O(n)"
    mixing: ClassVar = "local"
    tied: ClassVar = False
    bound_by: ClassVar = "memory bandwidth and compute"
    is_nonlinear: ClassVar = True
    last: ClassVar = "pwconv2"

    def __init__(self, width: int, grid: tuple[int, int], *, kernel: int = 7, expansion: int = 2) -> None:
        super().__init__()
        check_odd("kernel", kernel)
        check_expansion(expansion)
        inner = expansion * width
        self.pwconv1 = nn.Linear(width, inner, bias=False)
        self.act1 = StarReLU()
        self.dwconv = nn.Conv2d(inner, inner, kernel, padding=kernel // 2, groups=inner, bias=False)
        self.pwconv2 = nn.Linear(inner, width, bias=False)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        x_BCHW = self.act1(self.pwconv1(x_BHWC)).permute(0, 3, 1, 2)
        mixed_BHWC: Tensor = self.pwconv2(self.dwconv(x_BCHW).permute(0, 2, 3, 1))
        return mixed_BHWC
