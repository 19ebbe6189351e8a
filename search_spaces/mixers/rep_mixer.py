"""FastViT's RepMixer (Vasu et al., ICCV 2023): branches in training, one depthwise convolution in deployment."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces.conv_norm import conv_norm, factor_and_shift
from search_spaces.foldable import OnChannelsFirst
from search_spaces.mixer_options import check_odd
from search_spaces.norms import batch_norm


class RepBranches(nn.Module):
    """The branches on x_BCHW: conv(x) + scale(x) + skip(x) - norm(x), with a batch norm in each of them."""

    merges_branches: ClassVar = True

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.conv = conv_norm(width, width, kernel, batch_norm(width), groups=width)
        self.scale = conv_norm(width, width, 1, batch_norm(width), groups=width)
        self.skip = batch_norm(width)
        self.norm = batch_norm(width)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        mixed_BCHW: Tensor = self.conv(x_BCHW) + self.scale(x_BCHW) + self.skip(x_BCHW) - self.norm(x_BCHW)
        return mixed_BCHW

    @torch.no_grad()
    def folded(self) -> nn.Module:
        """Merge the branches into one depthwise convolution with a bias."""
        merged, scale = self.conv.folded(), self.scale.folded()
        assert isinstance(merged, nn.Conv2d)  # noqa: S101 - batch norms fold
        assert isinstance(scale, nn.Conv2d)  # noqa: S101
        assert merged.bias is not None  # noqa: S101
        assert scale.bias is not None  # noqa: S101
        (skip, skip_shift), (norm, norm_shift) = factor_and_shift(self.skip), factor_and_shift(self.norm)
        middle = merged.kernel_size[0] // 2
        merged.weight[:, 0, middle, middle] += scale.weight[:, 0, 0, 0] + skip - norm
        merged.bias += scale.bias + skip_shift - norm_shift
        return merged


class RepMixer(nn.Module):
    """Depthwise convolution with skip branches and norms, minus the token: the block's residual adds that back.

    18d parameters in training at kernel 3 and width d, 10d when deployed.
    """

    cost: ClassVar = "O(n)"
    mixing: ClassVar = "local"
    tied: ClassVar = False
    bound_by: ClassVar = "memory bandwidth"

    def __init__(self, width: int, grid: tuple[int, int], *, kernel: int = 3) -> None:
        super().__init__()
        check_odd("kernel", kernel)
        self.branches = RepBranches(width, kernel)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        mixed_BCHW: Tensor = self.branches(x_BHWC.permute(0, 3, 1, 2))
        return mixed_BCHW.permute(0, 2, 3, 1)

    def on_channels_first(self) -> nn.Module:
        """Return the same mixer on x_BCHW."""
        return self.branches

    def folded(self) -> nn.Module:
        """Return the mixer as one depthwise convolution."""
        return OnChannelsFirst(self.branches.folded())

    @torch.no_grad()
    def scaled(self, factor_C: Tensor, shift_C: Tensor) -> nn.Module:
        """Return the depthwise convolution on x_BCHW, with a factor and a shift per channel in its weights."""
        merged = self.branches.folded()
        assert isinstance(merged, nn.Conv2d)  # noqa: S101 - as `folded` makes it
        assert merged.bias is not None  # noqa: S101
        merged.weight.mul_(factor_C[:, None, None, None])
        merged.bias.mul_(factor_C).add_(shift_C)
        return merged
