"""No token mixing: IdentityFormer (Yu et al., TPAMI 2024), the baseline that other mixers are compared with."""

from typing import ClassVar

from torch import Tensor, nn


class Identity(nn.Module):
    """The identity: only the downsampling between stages mixes tokens."""

    cost: ClassVar = "0"
    mixing: ClassVar = "none"
    tied: ClassVar = False
    bound_by: ClassVar = "nothing"

    def __init__(self, width: int, grid: tuple[int, int]) -> None:
        super().__init__()

    def forward(self, x_BHWC: Tensor) -> Tensor:
        return x_BHWC
