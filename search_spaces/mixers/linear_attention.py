"""Linear attention with ReLU features as a token mixer: EfficientViT (Cai et al., ICCV 2023)."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.full_precision import full_precision
from search_spaces.mixer_options import check_odd

DENOMINATOR_EPS = 1e-5


class ReluLinearAttention(nn.Module):
    """The attention on x_BCHW: relu(q) (relu(k)^T v) / (relu(q) sum(relu(k)) + eps) for each head."""

    def __init__(self, width: int, head_dim: int, kernel: int) -> None:
        super().__init__()
        heads = max(1, width // head_dim)
        inner = heads * head_dim
        self.head_dim = head_dim
        self.qkv = nn.Conv2d(width, 3 * inner, 1, bias=False)
        # Query, key and value of a head are neighbours, so that one grouped convolution mixes each of them.
        self.aggregation = (
            nn.Sequential(
                nn.Conv2d(3 * inner, 3 * inner, kernel, padding=kernel // 2, groups=3 * inner, bias=False),
                nn.Conv2d(3 * inner, 3 * inner, 1, groups=3 * heads, bias=False),
            )
            if kernel
            else None
        )
        self.proj = nn.Conv2d(inner * (2 if kernel else 1), width, 1, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        B, _, H, W = x_BCHW.shape
        qkv = self.qkv(x_BCHW)
        if self.aggregation is not None:
            qkv = torch.cat([qkv, self.aggregation(qkv)], dim=1)
        qkv_BhDN = qkv.reshape(B, -1, 3 * self.head_dim, H * W)
        with full_precision(x_BCHW.device):
            q, k, v = qkv_BhDN.float().chunk(3, dim=2)
            q, k = F.relu(q), F.relu(k)
            # The row of ones gives the denominator in the same product.
            values = F.pad(v, (0, 0, 0, 1), value=1.0)
            sums = (values @ k.transpose(2, 3)) @ q
            mixed = sums[:, :, :-1] / (sums[:, :, -1:] + DENOMINATOR_EPS)
        projected_BCHW: Tensor = self.proj(mixed.to(qkv.dtype).reshape(B, -1, H, W))
        return projected_BCHW


class LinearAttention(nn.Module):
    """Attention whose cost is linear in tokens; 4d^2 parameters where `head_dim` divides width d.

    `aggregation` is the side of a depthwise convolution of queries, keys and values, whose result is attended to beside
    them (5 in EfficientViT): 6d^2 + 75d + 3d head_dim parameters; 0 for none. Sums are of float32.
    """

    cost: ClassVar = "O(n)"
    mixing: ClassVar = "global"
    tied: ClassVar = False
    bound_by: ClassVar = "memory bandwidth and compute"
    last: ClassVar = "attention.proj"
    within_width: ClassVar = ("head_dim",)

    def __init__(self, width: int, grid: tuple[int, int], *, head_dim: int = 16, aggregation: int = 0) -> None:
        super().__init__()
        if head_dim < 1:
            raise ValueError(f"head_dim {head_dim} is below 1")
        if aggregation:
            check_odd("aggregation", aggregation)
        self.attention = ReluLinearAttention(width, head_dim, aggregation)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        mixed_BCHW: Tensor = self.attention(x_BHWC.permute(0, 3, 1, 2))
        return mixed_BCHW.permute(0, 2, 3, 1)

    def on_channels_first(self) -> nn.Module:
        """Return the same mixer on x_BCHW."""
        return self.attention
