"""Small networks in plain torch, as anyone writes them, to compare recipes on."""

from collections.abc import Callable, Mapping
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (24, 48, 96, 128)
# Larger pictures are halved by the first convolution.
SMALL_PX = 16


class Residual(nn.Sequential):
    """Layers whose output is added to their input."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        branch: Tensor = super().forward(x_BCHW)  # type: ignore[no-untyped-call]
        return x_BCHW + branch


class Pool(nn.Module):
    """Mean of a pixel's neighbours, less the pixel (Yu et al., MetaFormer, 2022)."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return F.avg_pool2d(x_BCHW, 3, 1, 1, count_include_pad=False) - x_BCHW


class Attention(nn.Module):
    """Multi-head self-attention over all pixels."""

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Conv2d(width, 3 * width, 1, bias=False)
        self.out = nn.Conv2d(width, width, 1, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        B, C, H, W = x_BCHW.shape
        parts = self.qkv(x_BCHW).reshape(B, 3, self.heads, C // self.heads, H * W).transpose(-1, -2)
        mixed = F.scaled_dot_product_attention(*parts.unbind(1))
        mixed_BCHW: Tensor = self.out(mixed.transpose(-1, -2).reshape(B, C, H, W))
        return mixed_BCHW


def conv(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    """Build a 3x3 convolution, batch norm and ReLU."""
    return [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def mixing(mixer: nn.Module, width: int) -> list[nn.Module]:
    """Build a token mixer and an MLP of ratio 2, each with a batch norm and around it a shortcut."""
    up, down = nn.Conv2d(width, 2 * width, 1, bias=False), nn.Conv2d(2 * width, width, 1, bias=False)
    mlp = (up, nn.BatchNorm2d(2 * width), nn.ReLU(), down, nn.BatchNorm2d(width))
    return [Residual(nn.BatchNorm2d(width), mixer), Residual(*mlp)]


def plain(
    channels: int, size_px: int, classes: int, *, inner: tuple[Callable[[int], list[nn.Module]], ...]
) -> nn.Module:
    """Build six layers of which the `inner` two, on the second and the third grid, are given."""
    a, b, c, d = WIDTHS
    second, third = inner
    return nn.Sequential(
        *conv(channels, a, 1 if size_px <= SMALL_PX else 2),
        *(*conv(a, b, 2), *second(b), *conv(b, c, 2), *third(c), *conv(c, d, 2)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(d, classes)),
    )


def _convolving(width: int) -> list[nn.Module]:
    return conv(width, width)


def _pooling(width: int) -> list[nn.Module]:
    return mixing(Pool(), width)


def _attending(width: int) -> list[nn.Module]:
    return mixing(Attention(width), width)


NETWORKS: Mapping[str, Callable[[int, int, int], nn.Module]] = {
    "cnn": partial(plain, inner=(_convolving, _convolving)),
    "pool": partial(plain, inner=(_pooling, _pooling)),
    "attention": partial(plain, inner=(_pooling, _attending)),
}
