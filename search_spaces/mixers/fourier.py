"""Fourier mixing: FNet (Lee-Thorp et al., NAACL 2022, eq. 3). Nothing is learned."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces.dft import dft_of_channels, real_dft_of_rows


class Fourier(nn.Module):
    """The real part of the two-dimensional discrete Fourier transform over tokens (row by row) and channels.

    Not scaled, as in the paper: a norm follows in the next branch. Computed in float32 for every input
    type; exported as matrix products.
    """

    cost: ClassVar = "O(n log n)"
    mixing: ClassVar = "global"
    tied: ClassVar = False
    bound_by: ClassVar = "memory bandwidth"

    def __init__(self, width: int, grid: tuple[int, int]) -> None:
        super().__init__()

    def forward(self, x_BHWC: Tensor) -> Tensor:
        mixed: Tensor
        if torch.compiler.is_exporting():
            mixed = real_dft_of_rows(*dft_of_channels(x_BHWC.float()))
        else:
            mixed = torch.fft.fft2(x_BHWC.float().flatten(1, 2), dim=(1, 2)).real
        return mixed.to(x_BHWC.dtype).reshape(x_BHWC.shape)
