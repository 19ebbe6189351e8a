"""Self-attention inside windows of the grid as a token mixer: Swin Transformer (Liu et al., ICCV 2021)."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class WindowAttention(nn.Module):
    """Self-attention among the tokens of each window; 4d^2 parameters where `head_dim` divides width d.

    A side of the grid is divided into the fewest equal windows of at most `window` tokens, and padded to a whole number
    of them; padding is masked. `shift` moves the windows by half their side, cyclically, with Swin's mask: for every
    second block of a stage. `position_bias` adds a learned bias to the logits by relative position and head, `bias`
    biases to the projections.
    """

    cost: ClassVar = "O(n)"
    mixing: ClassVar = "local"
    tied: ClassVar = False
    bound_by: ClassVar = "compute"
    last: ClassVar = "proj"
    stacked: ClassVar = {"qkv.weight": 3, "qkv.bias": 3}
    within_width: ClassVar = ("head_dim",)
    # The mask of the grid, computed once in the deployed form.
    mask: Tensor | None
    position_bias: nn.Parameter | None

    def __init__(
        self,
        width: int,
        grid: tuple[int, int],
        *,
        window: int = 8,
        head_dim: int = 32,
        shift: bool = False,
        position_bias: bool = False,
        bias: bool = False,
    ) -> None:
        super().__init__()
        if window < 1 or head_dim < 1:
            raise ValueError(f"window {window} or head_dim {head_dim} is below 1")
        self.grid, self.window, self.shift, self.head_dim = grid, window, shift, head_dim
        self.heads = max(1, width // head_dim)
        self.qkv = nn.Linear(width, 3 * self.heads * head_dim, bias=bias)
        self.proj = nn.Linear(self.heads * head_dim, width, bias=bias)
        table = torch.empty((2 * window - 1) ** 2, self.heads)
        self.position_bias = nn.Parameter(nn.init.trunc_normal_(table, std=0.02)) if position_bias else None
        self.register_buffer("mask", None, persistent=False)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        B, H, W, _ = x_BHWC.shape
        (rows, tall, down), (columns, wide, right) = self._windows(H), self._windows(W)
        qkv = self.qkv(x_BHWC)
        if (tall, wide) != (H, W):
            qkv = F.pad(qkv, (0, 0, 0, wide - W, 0, tall - H))
        if down or right:
            qkv = qkv.roll((-down, -right), (1, 2))
        windowed = qkv.reshape(B, tall // rows, rows, wide // columns, columns, 3, self.heads, self.head_dim)
        windowed = windowed.permute(5, 0, 1, 3, 6, 2, 4, 7).reshape(3, -1, self.heads, rows * columns, self.head_dim)
        mask = self.mask if self.mask is not None and self.grid == (H, W) else self._mask(H, W, x_BHWC.device)
        if mask is not None:
            mask = mask.to(qkv.dtype).expand(B, *mask.shape[1:]).reshape(-1, *mask.shape[2:])
        q, k, v = windowed.unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        mixed = mixed.reshape(B, tall // rows, wide // columns, self.heads, rows, columns, self.head_dim)
        mixed = mixed.permute(0, 1, 4, 2, 5, 3, 6).reshape(B, tall, wide, self.heads * self.head_dim)
        if down or right:
            mixed = mixed.roll((down, right), (1, 2))
        projected_BHWC: Tensor = self.proj(mixed[:, :H, :W])
        return projected_BHWC

    @torch.no_grad()
    def folded(self) -> nn.Module:
        """Compute the mask of the grid, and return this mixer."""
        mask = self._mask(*self.grid, self.qkv.weight.device)
        self.mask = None if mask is None else mask.detach()
        return self

    def _windows(self, side: int) -> tuple[int, int, int]:
        """Return a window's side, the grid's padded side, and the shift, in tokens."""
        number = -(-side // self.window)
        window = -(-side // number)
        return window, number * window, window // 2 if self.shift and number > 1 else 0

    def _mask(self, height: int, width: int, device: torch.device) -> Tensor | None:
        """Compute what is added to the logits, (1, windows, heads or 1, tokens, tokens); None for nothing."""
        (rows, tall, down), (columns, wide, right) = self._windows(height), self._windows(width)
        mask = None
        if (tall, wide) != (height, width) or down or right:
            regions = 4 * _regions(height, tall, down, device)[:, None] + _regions(width, wide, right, device)
            regions = (
                regions.reshape(tall // rows, rows, wide // columns, columns).transpose(1, 2).flatten(2).flatten(0, 1)
            )
            is_other = regions[:, :, None] != regions[:, None]
            mask = torch.zeros(is_other.shape, device=device).masked_fill(is_other, -torch.inf)[None, :, None]
        if self.position_bias is None:
            return mask
        bias = self.position_bias[self._relative_positions(rows, columns, device)].permute(2, 0, 1)[None, None]
        return bias.expand(1, (tall // rows) * (wide // columns), -1, -1, -1) if mask is None else mask + bias

    def _relative_positions(self, rows: int, columns: int, device: torch.device) -> Tensor:
        """Return the row in the table of biases for each pair of a window's tokens."""
        row, column = (torch.arange(side, device=device) for side in (rows, columns))
        from_row, from_column = row.repeat_interleave(columns), column.repeat(rows)
        row_step = from_row[:, None] - from_row + self.window - 1
        return row_step * (2 * self.window - 1) + from_column[:, None] - from_column + self.window - 1


def _regions(side: int, padded: int, shift: int, device: torch.device) -> Tensor:
    """Number the regions along a shifted side: tokens, tokens from its other end, padding, the like from there."""
    position = torch.arange(padded, device=device) + shift
    return (position >= padded).long() + 2 * (position % padded >= side).long()
