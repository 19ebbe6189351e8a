"""Multi-head self-attention as a token mixer (Vaswani et al., 2017), as CAFormer uses it."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    """Self-attention over the grid's tokens; max(1, width // head_dim) heads of `head_dim` channels.

    Only the projection has a bias, if `proj_bias` is set: 4d^2 parameters where `head_dim` divides width d.
    """

    cost: ClassVar = "O(n^2)"
    mixing: ClassVar = "global"
    tied: ClassVar = False
    bound_by: ClassVar = "compute"
    last: ClassVar = "proj"
    stacked: ClassVar = {"qkv.weight": 3}
    within_width: ClassVar = ("head_dim",)

    def __init__(self, width: int, grid: tuple[int, int], *, head_dim: int = 32, proj_bias: bool = False) -> None:
        super().__init__()
        if head_dim < 1:
            raise ValueError(f"head_dim {head_dim} is below 1")
        self.head_dim = head_dim
        self.heads = max(1, width // head_dim)
        inner = self.heads * head_dim
        self.qkv = nn.Linear(width, 3 * inner, bias=False)
        self.proj = nn.Linear(inner, width, bias=proj_bias)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        B, H, W, _ = x_BHWC.shape
        # Unbound before the transposition: backward then assembles their gradients in one pass.
        qkv = self.qkv(x_BHWC).reshape(B, H * W, 3, self.heads, self.head_dim).unbind(2)
        mixed = F.scaled_dot_product_attention(*(heads.transpose(1, 2) for heads in qkv))
        projected_BHWC: Tensor = self.proj(mixed.transpose(1, 2).reshape(B, H, W, self.heads * self.head_dim))
        return projected_BHWC
