"""From an Architecture to the network that it describes: stem, stages of MetaFormer blocks, head.

The blueprint and its details (bias-free LayerNorm, StarReLU, residual scaling in the last two stages, a norm before
each downsampling) are those of ConvFormer and CAFormer (Yu et al., TPAMI 2024) with a linear head. Inside the network
tensors are x_BHWC: norms and the channel MLP then act on the last dimension, and the permuted views that convolutions
take are in torch's channels_last memory format, which is the fast one on CPU and GPU alike. Weights start from torch's
own fan-in initialisation: the published truncated normal of 0.02 suits widths of 64 and more and hardly trains narrow
proxies in their few steps.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from nas import plugins
from nas.architecture import Architecture, ModelInput, Stage
from nas.errors import ParameterError
from search_spaces.activation import StarReLU

MLP_RATIO = 4
STEM_KERNEL = 7
STEM_STRIDES = (4, 2, 1)
LEAST_GRID = 2
EPS = 1e-6
# Stages before this index have plain residuals, as published.
FIRST_SCALED_STAGE = 2


def build(architecture: Architecture, model_input: ModelInput) -> nn.Module:
    """The network of `architecture` for `model_input`, initialised from torch's global generator.

    Takes images (B, channels, height_px, width_px), gives logits (B, classes).

    Raises ParameterError when the input is too small for the stages, UnknownNameError for an unknown mixer.
    """
    return MetaFormer(architecture, model_input)


def stem_stride(model_input: ModelInput, stages: int) -> int:
    """The largest published-or-smaller stride of the stem at which the last stage's grid is at least 2x2.

    Raises ParameterError when even stride 1 leaves less than that.
    """
    for stride in STEM_STRIDES:
        if min(_grids(model_input, stride, stages)[-1]) >= LEAST_GRID:
            return stride
    least = (LEAST_GRID - 1) * 2 ** (stages - 1) + 1
    raise ParameterError(
        f"input size {model_input.height_px}x{model_input.width_px} px is too small for {stages} stages: "
        f"at least {least}x{least} px"
    )


def _grids(model_input: ModelInput, stride: int, stages: int) -> list[tuple[int, int]]:
    """Each stage's (height, width) in tokens: the stem divides by its stride, each later stage by 2, rounding up."""
    grids = [(-(-model_input.height_px // stride), -(-model_input.width_px // stride))]
    for _ in range(stages - 1):
        height, width = grids[-1]
        grids.append((-(-height // 2), -(-width // 2)))
    return grids


class ResScale(nn.Module):
    """A learned scale per channel on the residual branch's input (Shleifer et al., NormFormer), initially 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, x_BHWC: Tensor) -> Tensor:
        return x_BHWC * self.scale


class Block(nn.Module):
    """x = s1(x) + mixer(norm1(x)); x = s2(x) + mlp(norm2(x))."""

    def __init__(self, mixer: nn.Module, width: int, scaled: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=EPS, bias=False)
        self.mixer = mixer
        self.res_scale1 = ResScale(width) if scaled else nn.Identity()
        self.norm2 = nn.LayerNorm(width, eps=EPS, bias=False)
        self.mlp = nn.Sequential(
            nn.Linear(width, MLP_RATIO * width, bias=False),
            StarReLU(),
            nn.Linear(MLP_RATIO * width, width, bias=False),
        )
        self.res_scale2 = ResScale(width) if scaled else nn.Identity()

    def forward(self, x_BHWC: Tensor) -> Tensor:
        x_BHWC = self.res_scale1(x_BHWC) + self.mixer(self.norm1(x_BHWC))
        mixed: Tensor = self.res_scale2(x_BHWC) + self.mlp(self.norm2(x_BHWC))
        return mixed


class Stem(nn.Module):
    """Image to tokens: a 7x7 convolution, then a norm. x_BCHW to x_BHWC."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, STEM_KERNEL, stride, padding=STEM_KERNEL // 2)
        self.norm = nn.LayerNorm(width, eps=EPS, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        normed: Tensor = self.norm(self.conv(x_BCHW).permute(0, 2, 3, 1))
        return normed


class Downsample(nn.Module):
    """A norm, then a 3x3 convolution of stride 2: half the grid, the next stage's width. x_BHWC to x_BHWC."""

    def __init__(self, width: int, next_width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=EPS, bias=False)
        self.conv = nn.Conv2d(width, next_width, 3, stride=2, padding=1)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        halved_BCHW: Tensor = self.conv(self.norm(x_BHWC).permute(0, 3, 1, 2))
        return halved_BCHW.permute(0, 2, 3, 1)


class MetaFormer(nn.Module):
    """Stem, stages of blocks, mean over tokens, norm, linear head."""

    def __init__(self, architecture: Architecture, model_input: ModelInput) -> None:
        super().__init__()
        stages = architecture.stages
        stride = stem_stride(model_input, len(stages))
        grids = _grids(model_input, stride, len(stages))
        self.stem = Stem(model_input.channels, stages[0].width, stride)
        self.downsamples = nn.ModuleList(
            Downsample(stage.width, following.width) for stage, following in pairwise(stages)
        )
        self.stages = nn.ModuleList(
            _blocks(stage, grid, scaled=index >= FIRST_SCALED_STAGE)
            for index, (stage, grid) in enumerate(zip(stages, grids, strict=True))
        )
        self.norm = nn.LayerNorm(stages[-1].width, eps=EPS)
        self.head = nn.Linear(stages[-1].width, model_input.classes)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        x_BHWC = self.stages[0](self.stem(x_BCHW))
        for downsample, stage in zip(self.downsamples, self.stages[1:], strict=True):
            x_BHWC = stage(downsample(x_BHWC))
        logits_BK: Tensor = self.head(self.norm(x_BHWC.mean((1, 2))))
        return logits_BK


def _blocks(stage: Stage, grid: tuple[int, int], *, scaled: bool) -> nn.Sequential:
    mixer = plugins.load(plugins.MIXERS, stage.mixer)
    return nn.Sequential(*(Block(mixer(stage.width, grid), stage.width, scaled) for _ in range(stage.depth)))
