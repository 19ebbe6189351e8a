"""Random mixing: RandFormer (Yu et al., TPAMI 2024). Nothing is learned; the matrix is saved with the weights."""

from typing import ClassVar

import torch
from torch import Tensor, nn


class RandomMixing(nn.Module):
    """Multiplication of the tokens by a frozen n x n matrix whose rows are softmax(rand): n^2 frozen parameters.

    The matrix is drawn from torch's global generator, as all initial weights are.
    """

    cost: ClassVar = "O(n^2)"
    mixing: ClassVar = "global"
    tied: ClassVar = True
    bound_by: ClassVar = "compute"

    def __init__(self, width: int, grid: tuple[int, int]) -> None:
        super().__init__()
        n = grid[0] * grid[1]
        self.random_matrix = nn.Parameter(torch.softmax(torch.rand(n, n), dim=-1), requires_grad=False)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        return (self.random_matrix @ x_BHWC.flatten(1, 2)).reshape(x_BHWC.shape)
