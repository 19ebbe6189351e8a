"""The discrete Fourier transform as matrix products, for runtimes that have no transform or an inaccurate one.

ONNX Runtime's DFT loses four digits at sizes that are no power of two, and exists on its CPU alone; products with
cosines and sines are as accurate as torch's transform and run everywhere.
"""

import math

import torch
from torch import Tensor


def cosines_and_sines(rows: int, columns: int, period: int) -> tuple[Tensor, Tensor]:
    """Compute cosines and sines of 2 pi r c / period, (rows, columns) in float32."""
    # Reduced while they are whole numbers: the angle of a large product would lose digits.
    turns = torch.outer(torch.arange(rows), torch.arange(columns)) % period
    angles = turns.to(torch.float64) * (2 * math.pi / period)
    return angles.cos().float(), angles.sin().float()


def real_dft_of_grid(re_BHWC: Tensor, im_BHWC: Tensor | None = None) -> Tensor:
    """Compute the real part of the transform over (H, W) of a complex grid, or of a real one without `im_BHWC`."""
    return _real_along_width(*_along_height(re_BHWC, im_BHWC))


def real_dft_of_rows(re_BHWC: Tensor, im_BHWC: Tensor) -> Tensor:
    """Compute the real part of the transform over a complex grid's H W tokens in one sequence, row by row. To x_BHWC.

    In Cooley and Tukey's factors: a transform over H, a twiddle factor for each (frequency, column), a transform over
    W; the frequencies come out transposed.
    """
    B, H, W, C = re_BHWC.shape
    re, im = _along_height(re_BHWC, im_BHWC)
    cos_HW, sin_HW = cosines_and_sines(H, W, H * W)
    cos_HW1, sin_HW1 = cos_HW[..., None], sin_HW[..., None]
    re, im = re * cos_HW1 + im * sin_HW1, im * cos_HW1 - re * sin_HW1
    return _real_along_width(re, im).transpose(1, 2).reshape(B, H, W, C)


def dft_of_channels(x_BHWC: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the real and the imaginary part of the transform over C of a real grid."""
    C = x_BHWC.shape[3]
    cos_CC, sin_CC = cosines_and_sines(C, C, C)
    return x_BHWC @ cos_CC, -(x_BHWC @ sin_CC)


def _along_height(re_BHWC: Tensor, im_BHWC: Tensor | None) -> tuple[Tensor, Tensor]:
    H = re_BHWC.shape[1]
    cos_HH, sin_HH = cosines_and_sines(H, H, H)
    re, im = _over_height(cos_HH, re_BHWC), -_over_height(sin_HH, re_BHWC)
    if im_BHWC is None:
        return re, im
    return re + _over_height(sin_HH, im_BHWC), im + _over_height(cos_HH, im_BHWC)


def _over_height(weights_KH: Tensor, x_BHWC: Tensor) -> Tensor:
    return torch.einsum("kh,bhwc->bkwc", weights_KH, x_BHWC)


def _real_along_width(re_BHWC: Tensor, im_BHWC: Tensor) -> Tensor:
    W = re_BHWC.shape[2]
    cos_WW, sin_WW = cosines_and_sines(W, W, W)
    return torch.einsum("kw,bhwc->bhkc", cos_WW, re_BHWC) + torch.einsum("kw,bhwc->bhkc", sin_WW, im_BHWC)
