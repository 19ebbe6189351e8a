"""Multi-head self-attention as a token mixer (Vaswani et al., 2017), as CAFormer uses it. O(n^2) in tokens."""

import torch.nn.functional as F
from torch import Tensor, nn

HEAD_DIM = 32


class Attention(nn.Module):
    """Self-attention over the grid's tokens without biases; max(1, width // 32) heads of 32 channels."""

    def __init__(self, width: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.heads = max(1, width // HEAD_DIM)
        inner = self.heads * HEAD_DIM
        self.qkv = nn.Linear(width, 3 * inner, bias=False)
        self.proj = nn.Linear(inner, width, bias=False)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        B, H, W, _ = x_BHWC.shape
        qkv = self.qkv(x_BHWC).reshape(B, H * W, 3, self.heads, HEAD_DIM).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2])
        projected_BHWC: Tensor = self.proj(mixed.transpose(1, 2).reshape(B, H, W, -1))
        return projected_BHWC
