"""Two linear layers over tokens, shared by all channels: MLP-Mixer's token-mixing MLP (Tolstikhin et al., 2021)."""

from typing import ClassVar

from torch import Tensor, nn


class TokenMlp(nn.Module):
    """Linear(n, h), GELU, Linear(h, n) over tokens with biases: 2nh + h + n parameters.

    The hidden size is `hidden_percent` of the width, half as in MLP-Mixer, and does not depend on n, so that the cost
    is linear in tokens.
    """

    cost: ClassVar = "O(n)"
    mixing: ClassVar = "global"
    tied: ClassVar = True
    bound_by: ClassVar = "compute"

    def __init__(self, width: int, grid: tuple[int, int], *, hidden_percent: int = 50) -> None:
        super().__init__()
        if hidden_percent < 1:
            raise ValueError(f"hidden_percent {hidden_percent} is below 1")
        n = grid[0] * grid[1]
        hidden = max(1, width * hidden_percent // 100)
        self.fc1 = nn.Linear(n, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, n)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        mixed_BCN: Tensor = self.fc2(self.act(self.fc1(x_BHWC.flatten(1, 2).transpose(1, 2))))
        return mixed_BCN.transpose(1, 2).reshape(x_BHWC.shape)
