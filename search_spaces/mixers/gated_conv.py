"""The gated convolution as a token mixer: MambaOut's block (Yu and Wang, CVPR 2025; Dauphin et al., 2017)."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces.activation import make_activation
from search_spaces.mixer_options import check_expansion, check_odd


class GatedConv(nn.Module):
    """The product of an activated branch and one behind a depthwise convolution: by default 3d^2 + 49d parameters.

    Both branches have `expansion` times the width; as many channels as the width are convolved, the others pass.
    `bias` adds biases. `activation` is the blueprint's, GELU in MambaOut.
    """

    cost: ClassVar = "O(n)"
    mixing: ClassVar = "local"
    tied: ClassVar = False
    bound_by: ClassVar = "memory bandwidth and compute"
    is_nonlinear: ClassVar = True
    last: ClassVar = "fc2"
    stacked: ClassVar = {"fc1.weight": 2, "fc1.bias": 2}

    def __init__(
        self,
        width: int,
        grid: tuple[int, int],
        *,
        kernel: int = 7,
        expansion: int = 1,
        bias: bool = False,
        activation: str = "gelu",
    ) -> None:
        super().__init__()
        check_odd("kernel", kernel)
        check_expansion(expansion)
        inner = expansion * width
        self.widths = [inner, inner - width, width]
        self.fc1 = nn.Linear(width, 2 * inner, bias=bias)
        self.act = make_activation(activation)
        self.conv = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width, bias=bias)
        self.fc2 = nn.Linear(inner, width, bias=bias)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        gate, passing, convolved = torch.split(self.fc1(x_BHWC), self.widths, dim=3)
        convolved = self.conv(convolved.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        if passing.shape[3]:
            convolved = torch.cat([passing, convolved], dim=3)
        mixed_BHWC: Tensor = self.fc2(self.act(gate) * convolved)
        return mixed_BHWC
