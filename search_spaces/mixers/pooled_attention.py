"""Self-attention with keys and values from a reduced grid: Pyramid Vision Transformer v2 (Wang et al., 2022)."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn


class PooledAttention(nn.Module):
    """Self-attention whose keys and values are of a grid reduced `reduction` times a side.

    A strided convolution reduces the grid, depthwise as in MViT (Fan et al., 2021) or, with `dense`, over all channels
    as in PVTv2; a layer norm follows. By default 4d^2 + 6d parameters where `head_dim` divides width d. Sides that
    `reduction` does not divide are padded by zeros. `bias` adds biases to the projections and the convolution.
    """

    cost: ClassVar = "O(n^2)"
    mixing: ClassVar = "global"
    tied: ClassVar = False
    bound_by: ClassVar = "compute"
    last: ClassVar = "proj"
    stacked: ClassVar = {"kv.weight": 2, "kv.bias": 2}
    within_width: ClassVar = ("head_dim",)

    def __init__(
        self,
        width: int,
        grid: tuple[int, int],
        *,
        reduction: int = 2,
        head_dim: int = 32,
        dense: bool = False,
        bias: bool = False,
    ) -> None:
        super().__init__()
        if reduction < 1 or head_dim < 1:
            raise ValueError(f"reduction {reduction} or head_dim {head_dim} is below 1")
        self.reduction, self.head_dim = reduction, head_dim
        self.heads = max(1, width // head_dim)
        inner = self.heads * head_dim
        self.q = nn.Linear(width, inner, bias=bias)
        self.kv = nn.Linear(width, 2 * inner, bias=bias)
        self.proj = nn.Linear(inner, width, bias=bias)
        self.sr: nn.Module = nn.Identity()
        self.norm: nn.Module = nn.Identity()
        if reduction > 1:
            self.sr = nn.Conv2d(width, width, reduction, reduction, groups=1 if dense else width, bias=bias)
            self.norm = nn.LayerNorm(width)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        B, H, W, _ = x_BHWC.shape
        x_BCHW = x_BHWC.permute(0, 3, 1, 2)
        rows, columns = -H % self.reduction, -W % self.reduction
        if rows or columns:
            x_BCHW = F.pad(x_BCHW, (0, columns, 0, rows))
        reduced_BMC = self.norm(self.sr(x_BCHW).flatten(2).transpose(1, 2))
        k, v = self.kv(reduced_BMC).reshape(B, -1, 2, self.heads, self.head_dim).unbind(2)
        q = self.q(x_BHWC).reshape(B, H * W, self.heads, self.head_dim)
        mixed = F.scaled_dot_product_attention(*(heads.transpose(1, 2) for heads in (q, k, v)))
        projected_BHWC: Tensor = self.proj(mixed.transpose(1, 2).reshape(B, H, W, self.heads * self.head_dim))
        return projected_BHWC
