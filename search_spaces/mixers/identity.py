"""No token mixing at all: IdentityFormer (Yu et al., TPAMI 2024), the floor that every mixer is compared with."""

from typing import ClassVar

from torch import Tensor, nn


class Identity(nn.Module):
    """Each token stays by itself; only the downsampling between stages mixes."""

    cost: ClassVar = "0"
    tied: ClassVar = False
    bound_by: ClassVar = "nothing"

    def __init__(self, width: int, grid: tuple[int, int]) -> None:
        super().__init__()

    def forward(self, x_BHWC: Tensor) -> Tensor:
        return x_BHWC
