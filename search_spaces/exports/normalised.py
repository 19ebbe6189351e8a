"""Normalisation of pictures for exported Python files, which hold the source of this function."""

from collections.abc import Sequence

import torch
from torch import Tensor


def normalised(x_BCHW: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Normalise pictures of uint8 (0 to 255), or of decimals from 0 to 1, by channel."""
    x_BCHW = x_BCHW if x_BCHW.is_floating_point() else x_BCHW.float() / 255
    mean_C11, std_C11 = (torch.tensor(values, device=x_BCHW.device).view(-1, 1, 1) for values in (mean, std))
    return (x_BCHW - mean_C11) / std_C11
