"""One linear layer over tokens, shared by all channels: ResMLP (Touvron et al., 2021)."""

from typing import ClassVar

from torch import Tensor, nn


class SpatialMlp(nn.Module):
    """A bias-free Linear(n, n) over tokens: n^2 parameters."""

    cost: ClassVar = "O(n^2)"
    mixing: ClassVar = "global"
    tied: ClassVar = True
    bound_by: ClassVar = "compute"

    def __init__(self, width: int, grid: tuple[int, int]) -> None:
        super().__init__()
        n = grid[0] * grid[1]
        self.mix = nn.Linear(n, n, bias=False)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        mixed_BCN: Tensor = self.mix(x_BHWC.flatten(1, 2).transpose(1, 2))
        return mixed_BCN.transpose(1, 2).reshape(x_BHWC.shape)
