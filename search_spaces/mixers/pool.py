"""Average pooling as a token mixer: PoolFormer (Yu et al., CVPR 2022). No learned parameters."""

from typing import ClassVar

from torch import Tensor, nn


class Pool(nn.Module):
    """The `size` x `size` neighbourhood's mean minus the token itself: the block's residual adds the token back."""

    cost: ClassVar = "O(n)"
    tied: ClassVar = False
    leans_on: ClassVar = "memory bandwidth"

    def __init__(self, width: int, grid: tuple[int, int], *, size: int = 3) -> None:
        super().__init__()
        if size < 1 or size % 2 == 0:
            raise ValueError(f"size {size} is not an odd number of at least 1")
        self.pool = nn.AvgPool2d(size, stride=1, padding=size // 2, count_include_pad=False)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        # All in one layout: exported, a pair of transpositions cancels, one beside a difference does not.
        x_BCHW = x_BHWC.permute(0, 3, 1, 2)
        mixed_BCHW: Tensor = self.pool(x_BCHW) - x_BCHW
        return mixed_BCHW.permute(0, 2, 3, 1)
