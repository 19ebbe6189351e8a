"""Average pooling as a token mixer: PoolFormer (Yu et al., CVPR 2022). No learned parameters, O(n) in tokens."""

from torch import Tensor, nn


class Pool(nn.Module):
    """The 3x3 mean of the neighbourhood minus the token itself: the block's residual adds the token back."""

    def __init__(self, width: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        pooled_BCHW: Tensor = self.pool(x_BHWC.permute(0, 3, 1, 2))
        return pooled_BCHW.permute(0, 2, 3, 1) - x_BHWC
