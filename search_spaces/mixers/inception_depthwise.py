"""Depthwise convolutions of several shapes as a token mixer: InceptionNeXt (Yu et al., CVPR 2024)."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces.conv_norm import Affine
from search_spaces.mixer_options import check_odd


class InceptionBranches(nn.Module):
    """The branches on x_BCHW: most channels pass, the last three slices are convolved, each by one shape."""

    def __init__(self, width: int, convolved: int, kernel: int, band: int, *, bias: bool) -> None:
        super().__init__()
        self.widths = [width - 3 * convolved, convolved, convolved, convolved]
        # Something only when deployed: a factor and a shift.
        self.passing: nn.Module = nn.Identity()
        self.square = _depthwise(convolved, (kernel, kernel), bias)
        self.row = _depthwise(convolved, (1, band), bias)
        self.column = _depthwise(convolved, (band, 1), bias)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        passing, square, row, column = torch.split(x_BCHW, self.widths, dim=1)
        return torch.cat([self.passing(passing), self.square(square), self.row(row), self.column(column)], dim=1)


class InceptionDepthwise(nn.Module):
    """Identity, and depthwise `kernel` x `kernel`, 1 x `band` and `band` x 1, on slices of the channels: about 4d.

    Each convolution has a `ratio` of the channels. `bias` adds biases.
    """

    cost: ClassVar = "O(n)"
    mixing: ClassVar = "local"
    tied: ClassVar = False
    bound_by: ClassVar = "memory bandwidth"

    def __init__(
        self,
        width: int,
        grid: tuple[int, int],
        *,
        kernel: int = 3,
        band: int = 11,
        ratio: float = 0.125,
        bias: bool = False,
    ) -> None:
        super().__init__()
        check_odd("kernel", kernel)
        check_odd("band", band)
        convolved = max(1, int(ratio * width))
        if not ratio > 0 or 3 * convolved > width:
            raise ValueError(f"ratio {ratio:g}: three slices of it are not within width {width}")
        self.branches = InceptionBranches(width, convolved, kernel, band, bias=bias)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        mixed_BCHW: Tensor = self.branches(x_BHWC.permute(0, 3, 1, 2))
        return mixed_BCHW.permute(0, 2, 3, 1)

    def on_channels_first(self) -> nn.Module:
        """Return the same mixer on x_BCHW."""
        return self.branches

    @torch.no_grad()
    def scaled(self, factor_C: Tensor, shift_C: Tensor) -> nn.Module:
        """Return the mixer on x_BCHW, with a factor and a shift per channel in its convolutions."""
        branches = self.branches
        passing, *factors = torch.split(factor_C, branches.widths)
        passing_shift, *shifts = torch.split(shift_C, branches.widths)
        if len(passing):
            branches.passing = Affine(passing, passing_shift)
        convolutions = (branches.square, branches.row, branches.column)
        for convolution, factor, shift in zip(convolutions, factors, shifts, strict=True):
            convolution.weight.mul_(factor[:, None, None, None])
            own = 0 if convolution.bias is None else convolution.bias * factor
            convolution.bias = nn.Parameter(shift + own, requires_grad=convolution.weight.requires_grad)
        return branches


def _depthwise(width: int, kernel: tuple[int, int], bias: bool) -> nn.Conv2d:
    padding = (kernel[0] // 2, kernel[1] // 2)
    return nn.Conv2d(width, width, kernel, padding=padding, groups=width, bias=bias)
