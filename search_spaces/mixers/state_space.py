"""A state space as a token mixer: EfficientViM's hidden state mixer (Lee et al., CVPR 2025), Mamba-2's dual form."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from search_spaces.mixer_options import check_expansion


class HiddenStateMixer(nn.Module):
    """The state space on x_BCHW. With S states and softmax over tokens N, h_CS = x_CN (softmax(dt) * b)_NS.

    The states are gated and projected, and read out by y = h c. Each token adds to states that every token reads: the
    form of Mamba-2 (Dao and Gu, 2024) without a direction, where a scan over the grid would need one each way.
    """

    def __init__(self, width: int, states: int, inner: int) -> None:
        super().__init__()
        self.bcdt_proj = nn.Conv2d(width, 3 * states, 1, bias=False)
        self.dw = nn.Conv2d(3 * states, 3 * states, 3, padding=1, groups=3 * states, bias=False)
        self.hz_proj = nn.Conv1d(width, 2 * inner, 1, bias=False)
        self.out_proj = nn.Conv1d(inner, width, 1, bias=False)
        self.skip = nn.Parameter(torch.ones(1))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        b, c, dt = self.dw(self.bcdt_proj(x_BCHW)).flatten(2).chunk(3, dim=1)
        weights_BSN = dt.softmax(dim=2) * b
        h, gate = self.hz_proj(x_BCHW.flatten(2) @ weights_BSN.transpose(1, 2)).chunk(2, dim=1)
        states_BCS = self.out_proj(h * silu(gate) + h * self.skip)
        mixed_BCHW: Tensor = (states_BCS @ c).reshape(x_BCHW.shape)
        return mixed_BCHW


class StateSpace(nn.Module):
    """A state space of `states` states, read by all tokens: (3d + 27) states + 3d^2 + 1 parameters at width d.

    The gated states have `expansion` times the width. The decay A of each state, which timm's HSMSSD has, is the same
    for all tokens and cancels in the softmax over them.
    """

    cost: ClassVar = "O(n)"
    mixing: ClassVar = "global"
    tied: ClassVar = False
    bound_by: ClassVar = "memory bandwidth and compute"
    is_nonlinear: ClassVar = True
    stacked: ClassVar = {"mixer.bcdt_proj.weight": 3, "mixer.dw.weight": 3, "mixer.hz_proj.weight": 2}

    def __init__(self, width: int, grid: tuple[int, int], *, states: int = 16, expansion: int = 1) -> None:
        super().__init__()
        if states < 1:
            raise ValueError(f"states {states} is below 1")
        check_expansion(expansion)
        self.mixer = HiddenStateMixer(width, states, expansion * width)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        mixed_BCHW: Tensor = self.mixer(x_BHWC.permute(0, 3, 1, 2))
        return mixed_BCHW.permute(0, 2, 3, 1)

    def on_channels_first(self) -> nn.Module:
        """Return the same mixer on x_BCHW."""
        return self.mixer
