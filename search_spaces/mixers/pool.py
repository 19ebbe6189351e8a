"""Average pooling as a token mixer: PoolFormer (Yu et al., CVPR 2022). No learned parameters."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces.conv_norm import scaled
from search_spaces.mixer_options import check_odd


class Pool(nn.Module):
    """The `size` x `size` neighbourhood's mean minus the token itself: the block's residual adds the token back."""

    cost: ClassVar = "O(n)"
    mixing: ClassVar = "local"
    tied: ClassVar = False
    bound_by: ClassVar = "memory bandwidth"

    def __init__(self, width: int, grid: tuple[int, int], *, size: int = 3) -> None:
        super().__init__()
        check_odd("size", size)
        self.pool = nn.AvgPool2d(size, stride=1, padding=size // 2, count_include_pad=False)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        # Both operands in one layout: exported, a pair of transpositions cancels, a single one at a difference stays.
        x_BCHW = x_BHWC.permute(0, 3, 1, 2)
        mixed_BCHW: Tensor = self.pool(x_BCHW) - x_BCHW
        return mixed_BCHW.permute(0, 2, 3, 1)

    def scaled(self, factor_C: Tensor, shift_C: Tensor) -> nn.Module:
        """Return this mixer on x_BCHW with a factor and a shift per channel behind it, for inference."""
        return ScaledPool(self.pool, factor_C, shift_C)


class ScaledPool(nn.Module):
    """The function (mean - token) * factor + shift on x_BCHW, in a form that runtimes keep in one layout."""

    def __init__(self, pool: nn.AvgPool2d, factor_C: Tensor, shift_C: Tensor) -> None:
        super().__init__()
        self.pool = pool
        self.factor = nn.Parameter(factor_C.clone(), requires_grad=False)
        self.shift = nn.Parameter(shift_C.clone(), requires_grad=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        pooled_BCHW = self.pool(x_BCHW)
        if torch.compiler.is_exporting():
            # A sum of convolutions keeps ONNX Runtime's layout; a difference does not.
            mixed_BCHW = scaled(pooled_BCHW, self.factor) + scaled(x_BCHW, -self.factor, self.shift)
        else:
            mixed_BCHW = scaled(pooled_BCHW - x_BCHW, self.factor, self.shift)
        return mixed_BCHW
