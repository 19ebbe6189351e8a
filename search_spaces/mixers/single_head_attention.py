"""Attention with one head on a slice of the channels as a token mixer: SHViT (Yun and Ro, CVPR 2024)."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.activation import make_activation
from search_spaces.conv_norm import conv_norm
from search_spaces.norms import group_norm, make_norm


class PartialAttention(nn.Module):
    """The attention on x_BCHW: the first `attended` channels are mixed, the others pass, all are projected."""

    def __init__(self, width: int, attended: int, query_dim: int, *, norm: str, activation: str) -> None:
        super().__init__()
        self.widths = [attended, width - attended]
        self.qkv_widths = [query_dim, query_dim, attended]
        self.pre_norm = group_norm(attended)
        self.qkv = conv_norm(attended, sum(self.qkv_widths), 1, make_norm(norm, sum(self.qkv_widths)))
        self.act = make_activation(activation)
        self.proj = nn.Conv2d(width, width, 1, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        attended, passing = torch.split(x_BCHW, self.widths, dim=1)
        qkv = self.qkv(self.pre_norm(attended)).flatten(2).transpose(1, 2)
        q, k, v = torch.split(qkv[:, None], self.qkv_widths, dim=3)
        mixed = F.scaled_dot_product_attention(q, k, v)
        mixed_BCHW = mixed[:, 0].transpose(1, 2).reshape(attended.shape)
        projected_BCHW: Tensor = self.proj(self.act(torch.cat([mixed_BCHW, passing], dim=1)))
        return projected_BCHW


class SingleHeadAttention(nn.Module):
    """Self-attention of one head over a `ratio` of the channels, then activation and projection: about 1.1 d^2.

    Queries and keys have `query_dim` channels. The norm behind the mixer is the block's; `norm` is the one behind
    query, key and value, it and `activation` are the blueprint's.
    """

    cost: ClassVar = "O(n^2)"
    mixing: ClassVar = "global"
    tied: ClassVar = False
    bound_by: ClassVar = "compute"
    is_nonlinear: ClassVar = True
    last: ClassVar = "attention.proj"

    def __init__(
        self,
        width: int,
        grid: tuple[int, int],
        *,
        ratio: float = 0.25,
        query_dim: int = 16,
        activation: str = "relu",
        norm: str = "batch",
    ) -> None:
        super().__init__()
        if not 0 < ratio <= 1:
            raise ValueError(f"ratio {ratio:g} is not above 0 and at most 1")
        if query_dim < 1:
            raise ValueError(f"query_dim {query_dim} is below 1")
        attended = max(1, int(ratio * width))
        self.attention = PartialAttention(width, attended, query_dim, norm=norm, activation=activation)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        mixed_BCHW: Tensor = self.attention(x_BHWC.permute(0, 3, 1, 2))
        return mixed_BCHW.permute(0, 2, 3, 1)

    def on_channels_first(self) -> nn.Module:
        """Return the same mixer on x_BCHW."""
        return self.attention
