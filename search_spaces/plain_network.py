"""The parts of a network under recipe `plain`: stem, downsampling, blocks and head whose details are choices.

Between parts tensors are x_BCHW, so that an exported network of convolutions has no transposition. In torch they are
channels_last in memory, and the permuted views that token mixers take cost nothing. Every batch norm folds into the
layer before it (search_spaces/folding.py), as in LeViT, EfficientFormer and FastViT.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from search_spaces.activation import make_activation
from search_spaces.conv_norm import conv_norm
from search_spaces.foldable import Residual, mixer_with_norm
from search_spaces.network import MetaFormer, Stage
from search_spaces.norms import make_norm
from search_spaces.stochastic_depth import StochasticDepth


class PlainStem(nn.Module):
    """The stem: convolutions of these `strides` with norm and activation, then optional max pooling. On x_BCHW."""

    def __init__(
        self,
        channels: int,
        width: int,
        *,
        kernel: int,
        strides: Sequence[int],
        pool: bool,
        norm: str,
        activation: str,
    ) -> None:
        super().__init__()
        widths = [channels, *[max(1, width // 2)] * (len(strides) - 1), width]
        layers: list[nn.Module] = []
        for inputs, outputs, stride in zip(widths, widths[1:], strides, strict=False):
            layers += [conv_norm(inputs, outputs, kernel, make_norm(norm, outputs), stride=stride)]
            layers += [make_activation(activation)]
        if pool:
            layers += [nn.MaxPool2d(3, stride=2, padding=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        tokens_BCHW: Tensor = self.layers(x_BCHW)
        return tokens_BCHW

    def folded(self) -> nn.Module:
        """Return its layers."""
        return self.layers


class PadToEven(nn.Module):
    """Padding of odd sides by a row or a column of zeros at the end. On x_BCHW."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        rows, columns = (side % 2 for side in x_BCHW.shape[2:])
        return nn.functional.pad(x_BCHW, (0, columns, 0, rows)) if rows or columns else x_BCHW


def conv_downsample(width: int, next_width: int, norm: str, activation: str) -> nn.Module:
    """Make a 3x3 convolution of stride 2, norm, activation."""
    conv = conv_norm(width, next_width, 3, make_norm(norm, next_width), stride=2)
    return nn.Sequential(conv, make_activation(activation))


def patch_downsample(width: int, next_width: int, norm: str, activation: str) -> nn.Module:
    """Make a 2x2 convolution of stride 2 and norm, as ConvNeXt merges patches; odd sides are padded."""
    return nn.Sequential(PadToEven(), conv_norm(width, next_width, 2, make_norm(norm, next_width), stride=2))


def conv_pool_downsample(width: int, next_width: int, norm: str, activation: str) -> nn.Module:
    """Make a 3x3 convolution at full resolution, max pooling, norm, activation: the CIFAR speed record's (Jordan 2024).

    The norm stands before the pooling, where it folds into the convolution.
    """
    conv = conv_norm(width, next_width, 3, make_norm(norm, next_width))
    return nn.Sequential(conv, nn.MaxPool2d(2, ceil_mode=True), make_activation(activation))


def pool_downsample(width: int, next_width: int, norm: str, activation: str) -> nn.Module:
    """Make average pooling, a pointwise convolution, norm, activation: the cheapest downsampling."""
    pool = nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False)
    return nn.Sequential(
        pool, conv_norm(width, next_width, 1, make_norm(norm, next_width)), make_activation(activation)
    )


# Each takes (width, next_width, norm, activation) and halves x_BCHW's sides, rounding up.
DOWNSAMPLES: Mapping[str, Callable[[int, int, str, str], nn.Module]] = {
    "conv": conv_downsample,
    "patch": patch_downsample,
    "conv_pool": conv_pool_downsample,
    "pool": pool_downsample,
}


class PlainDownsample(nn.Module):
    """Downsampling to half the grid and the next width, of a kind in DOWNSAMPLES. On x_BCHW."""

    def __init__(self, kind: str, width: int, next_width: int, *, norm: str, activation: str) -> None:
        super().__init__()
        self.layers = DOWNSAMPLES[kind](width, next_width, norm, activation)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        halved_BCHW: Tensor = self.layers(x_BCHW)
        return halved_BCHW

    def folded(self) -> nn.Module:
        """Return its layers."""
        return self.layers


class ConvMlp(nn.Module):
    """The channel MLP as two pointwise convolutions with norms, hidden layer `ratio` times the width. On x_BCHW."""

    def __init__(self, width: int, ratio: float, *, norm: str, activation: str) -> None:
        super().__init__()
        hidden = max(1, round(ratio * width))
        self.fc1 = conv_norm(width, hidden, 1, make_norm(norm, hidden))
        self.act = make_activation(activation)
        self.fc2 = conv_norm(hidden, width, 1, make_norm(norm, width))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        mixed_BCHW: Tensor = self.fc2(self.act(self.fc1(x_BCHW)))
        return mixed_BCHW

    def folded(self) -> nn.Module:
        """Return its layers in sequence."""
        return nn.Sequential(self.fc1, self.act, self.fc2)


class PlainBlock(nn.Module):
    """A block: y = act(norm(mixer(x))), then x + y or y alone; then x + mlp(x) if there is an MLP. On x_BCHW.

    The activation is left out if the mixer or an MLP is already nonlinear. A mixer that `stands_alone` keeps the
    information that the next block needs without a residual connection, as a dense convolution does.
    """

    def __init__(
        self,
        mixer: nn.Module,
        width: int,
        *,
        residual: bool,
        mlp_ratio: float,
        norm: str,
        activation: str,
    ) -> None:
        super().__init__()
        self.residual = residual or not getattr(mixer, "stands_alone", False)
        self.token_mixer = mixer
        self.norm1 = make_norm(norm, width)
        is_nonlinear = getattr(mixer, "is_nonlinear", False) or (mlp_ratio > 0 and self.residual)
        self.act1: nn.Module = nn.Identity() if is_nonlinear else make_activation(activation)
        self.drop_path1 = StochasticDepth()
        self.mlp = ConvMlp(width, mlp_ratio, norm=norm, activation=activation) if mlp_ratio > 0 else None
        self.drop_path2 = StochasticDepth()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        mixed_BCHW = self.token_mixer(x_BCHW.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        mixed_BCHW = self.act1(self.norm1(mixed_BCHW))
        x_BCHW = x_BCHW + self.drop_path1(mixed_BCHW) if self.residual else mixed_BCHW
        return x_BCHW if self.mlp is None else x_BCHW + self.drop_path2(self.mlp(x_BCHW))

    def folded(self) -> nn.Module:
        """Return the block for inference, with the norm folded into the mixer."""
        branch = nn.Sequential(mixer_with_norm(self.token_mixer, self.norm1), self.act1)
        mixing = Residual(branch) if self.residual else branch
        return mixing if self.mlp is None else nn.Sequential(mixing, Residual(self.mlp))


class PreNormBlock(nn.Module):
    """MetaFormer's form of block: x + mixer(norm(x)), then x + mlp(norm(x)) if there is an MLP. On x_BCHW."""

    def __init__(self, mixer: nn.Module, width: int, *, mlp_ratio: float, norm: str, activation: str) -> None:
        super().__init__()
        self.norm1 = make_norm(norm, width)
        self.token_mixer = mixer
        self.drop_path1 = StochasticDepth()
        hidden = max(1, round(mlp_ratio * width))
        self.norm2: nn.Module = make_norm(norm, width) if mlp_ratio > 0 else nn.Identity()
        self.mlp = (
            nn.Sequential(nn.Conv2d(width, hidden, 1), make_activation(activation), nn.Conv2d(hidden, width, 1))
            if mlp_ratio > 0
            else None
        )
        self.drop_path2 = StochasticDepth()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        mixed_BCHW = self.token_mixer(self.norm1(x_BCHW).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        x_BCHW = x_BCHW + self.drop_path1(mixed_BCHW)
        return x_BCHW if self.mlp is None else x_BCHW + self.drop_path2(self.mlp(self.norm2(x_BCHW)))


class PlainPosition(nn.Module):
    """A learned embedding added to each token of the grid, initially zero. Tied to the grid. On x_BCHW."""

    def __init__(self, width: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.zeros(width, *grid))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW + self.embedding


class PlainStage(Stage):
    """A stage on x_BCHW."""

    def folded(self) -> nn.Module:
        """Return its parts in sequence."""
        return nn.Sequential(self.downsample, self.position, self.blocks)


class PlainHead(nn.Module):
    """The head: the norm (None if blocks end with one), mean over tokens, the classifier. x_BCHW to logits_BK."""

    def __init__(self, width: int, classes: int, *, norm: str | None) -> None:
        super().__init__()
        self.norm: nn.Module = nn.Identity() if norm is None else make_norm(norm, width)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(width, classes)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        logits_BK: Tensor = self.fc(self.pool(self.norm(x_BCHW)).flatten(1))
        return logits_BK

    def folded(self) -> nn.Module:
        """Return its layers in sequence."""
        return nn.Sequential(self.norm, self.pool, nn.Flatten(), self.fc)


class PlainNetwork(MetaFormer):
    """A network of recipe `plain`: stem, stages, head. Images x_BCHW to logits_BK."""

    def folded(self) -> nn.Module:
        """Return its parts in sequence."""
        return nn.Sequential(self.stem, self.stages, self.head)
