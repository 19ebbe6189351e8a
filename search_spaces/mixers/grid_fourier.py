"""Fourier mixing over the grid alone: FNet's idea, without its transform over channels. Nothing is learned."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces.dft import real_dft_of_grid


class GridFourier(nn.Module):
    """The real part of each channel's two-dimensional discrete Fourier transform over (H, W), not scaled.

    Computed in float32 for every input type; exported as matrix products.
    """

    cost: ClassVar = "O(n log n)"
    mixing: ClassVar = "global"
    tied: ClassVar = False
    bound_by: ClassVar = "memory bandwidth"

    def __init__(self, width: int, grid: tuple[int, int]) -> None:
        super().__init__()

    def forward(self, x_BHWC: Tensor) -> Tensor:
        mixed_BHWC: Tensor
        if torch.compiler.is_exporting():
            mixed_BHWC = real_dft_of_grid(x_BHWC.float())
        else:
            mixed_BHWC = torch.fft.fft2(x_BHWC.float(), dim=(1, 2)).real
        return mixed_BHWC.to(x_BHWC.dtype)
