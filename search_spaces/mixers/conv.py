"""Separable convolution as a token mixer: ConvFormer's SepConv (Yu et al., TPAMI 2024). O(n) in tokens."""

from torch import Tensor, nn

from search_spaces.activation import StarReLU

EXPANSION = 2
KERNEL = 7


class SepConv(nn.Module):
    """Pointwise expansion, StarReLU, depthwise 7x7, pointwise projection, without biases: 4d^2 + 98d + 2 parameters."""

    def __init__(self, width: int, grid: tuple[int, int]) -> None:
        super().__init__()
        inner = EXPANSION * width
        self.expand = nn.Linear(width, inner, bias=False)
        self.act = StarReLU()
        self.depthwise = nn.Conv2d(inner, inner, KERNEL, padding=KERNEL // 2, groups=inner, bias=False)
        self.project = nn.Linear(inner, width, bias=False)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        x_BCHW = self.act(self.expand(x_BHWC)).permute(0, 3, 1, 2)
        mixed_BHWC: Tensor = self.project(self.depthwise(x_BCHW).permute(0, 2, 3, 1))
        return mixed_BHWC
