"""The parts of a MetaFormer: stem, stages of blocks, head. They need only torch.

Inside the network tensors are x_BHWC: norms and the channel MLP then act on the last dimension, and the permuted views
that convolutions take are in torch's channels_last memory format, the faster one on both CPU and GPU. Weights
start from torch's own fan-in initialisation: the published truncated normal of 0.02 suits widths of 64 and more and
hardly trains narrow proxies in their few steps. Names of weights are those of timm's metaformer.py.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_spaces.activation import SquaredReLU, StarReLU
from search_spaces.recipe import NetworkRecipe
from search_spaces.stochastic_depth import StochasticDepth

STEM_KERNEL = 7
# The published stem has stride 4 and padding 2; smaller images take a smaller stride.
STEM_PADDINGS = {4: 2, 2: 3, 1: 3}


class GroupNorm(nn.Module):
    """A norm with one mean and variance per image, over tokens and channels; a learned scale and shift per channel."""

    def __init__(self, width: int, eps: float, bias: bool) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None

    def forward(self, x_BHWC: Tensor) -> Tensor:
        normed_BHWC = F.layer_norm(x_BHWC, x_BHWC.shape[1:], eps=self.eps) * self.weight
        return normed_BHWC if self.bias is None else normed_BHWC + self.bias


class LayerNorm(nn.LayerNorm):
    """A norm with one mean and variance per token, over its channels."""

    def __init__(self, width: int, eps: float, bias: bool) -> None:
        super().__init__(width, eps=eps, bias=bias)


TOKEN_NORMS: dict[str, type[GroupNorm] | type[LayerNorm]] = {"group": GroupNorm, "layer": LayerNorm}
MLP_ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "star_relu": StarReLU}


class Scale(nn.Module):
    """A learned factor per channel."""

    def __init__(self, width: int, initial: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((width,), initial))

    def forward(self, x_BHWC: Tensor) -> Tensor:
        return x_BHWC * self.scale


class Mlp(nn.Module):
    """The channel MLP: it acts on each token alone, with a hidden layer of `ratio` times the width."""

    def __init__(self, width: int, ratio: float, recipe: NetworkRecipe) -> None:
        super().__init__()
        hidden = max(1, round(ratio * width))
        self.fc1 = nn.Linear(width, hidden, bias=recipe.mlp_bias)
        self.act = MLP_ACTIVATIONS[recipe.activation]()
        self.fc2 = nn.Linear(hidden, width, bias=recipe.mlp_bias)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        mixed_BHWC: Tensor = self.fc2(self.act(self.fc1(x_BHWC)))
        return mixed_BHWC


class Block(nn.Module):
    """A block: x = s1(x) + l1(mixer(norm1(x))), then x = s2(x) + l2(mlp(norm2(x))), with the recipe's scales.

    With `mlp_ratio` 0 the second step is left out. `layer_scale` is the initial value of l1 and l2, None for neither;
    `res_scale` says whether the block has s1 and s2.
    """

    def __init__(
        self,
        mixer: nn.Module,
        width: int,
        recipe: NetworkRecipe,
        *,
        norm: str,
        mlp_ratio: float,
        layer_scale: float | None,
        res_scale: bool,
    ) -> None:
        super().__init__()

        def scale(initial: float | None) -> nn.Module:
            return nn.Identity() if initial is None else Scale(width, initial)

        residual = 1.0 if res_scale else None
        self.norm1 = TOKEN_NORMS[norm](width, recipe.eps, recipe.norm_bias)
        self.token_mixer = mixer
        self.drop_path1 = StochasticDepth()
        self.layer_scale1 = scale(layer_scale)
        self.res_scale1 = scale(residual)
        self.has_mlp = mlp_ratio > 0
        if not self.has_mlp:
            return
        self.norm2 = TOKEN_NORMS[norm](width, recipe.eps, recipe.norm_bias)
        self.mlp = Mlp(width, mlp_ratio, recipe)
        self.drop_path2 = StochasticDepth()
        self.layer_scale2 = scale(layer_scale)
        self.res_scale2 = scale(residual)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        mixed_BHWC = self.layer_scale1(self.token_mixer(self.norm1(x_BHWC)))
        x_BHWC = self.res_scale1(x_BHWC) + self.drop_path1(mixed_BHWC)
        if not self.has_mlp:
            return x_BHWC
        mixed_BHWC = self.layer_scale2(self.mlp(self.norm2(x_BHWC)))
        summed_BHWC: Tensor = self.res_scale2(x_BHWC) + self.drop_path2(mixed_BHWC)
        return summed_BHWC


class Stem(nn.Module):
    """The stem, from image to tokens: a 7x7 convolution and the recipe's norm. x_BCHW to x_BHWC."""

    def __init__(self, channels: int, width: int, stride: int, recipe: NetworkRecipe) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, STEM_KERNEL, stride, padding=STEM_PADDINGS[stride])
        self.norm = _embedding_norm(width, recipe)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        normed_BHWC: Tensor = self.norm(self.conv(x_BCHW).permute(0, 2, 3, 1))
        return normed_BHWC


class Downsample(nn.Module):
    """Downsampling by the recipe's norm and a 3x3 convolution of stride 2, to half the grid. x_BHWC to x_BHWC."""

    def __init__(self, width: int, next_width: int, recipe: NetworkRecipe) -> None:
        super().__init__()
        self.norm = _embedding_norm(width, recipe)
        self.conv = nn.Conv2d(width, next_width, 3, stride=2, padding=1)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        halved_BCHW: Tensor = self.conv(self.norm(x_BHWC).permute(0, 3, 1, 2))
        return halved_BCHW.permute(0, 2, 3, 1)


def _embedding_norm(width: int, recipe: NetworkRecipe) -> nn.Module:
    return LayerNorm(width, recipe.eps, bias=False) if recipe.embedding_norm else nn.Identity()


class Position(nn.Module):
    """A learned embedding added to each token of the grid, initially zero. Tied to the number of tokens."""

    def __init__(self, width: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.zeros(*grid, width))

    def forward(self, x_BHWC: Tensor) -> Tensor:
        return x_BHWC + self.embedding


class Stage(nn.Module):
    """A stage: downsampling (not in the first), an optional position embedding, then blocks. On x_BHWC."""

    def __init__(self, downsample: nn.Module, position: nn.Module, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.downsample = downsample
        self.position = position
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        mixed_BHWC: Tensor = self.blocks(self.position(self.downsample(x_BHWC)))
        return mixed_BHWC


class MlpHead(nn.Module):
    """A classifier with a hidden layer of four times the width, squared ReLU, norm and biases. x_BC to logits_BK."""

    def __init__(self, width: int, classes: int, eps: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.act = SquaredReLU()
        self.norm = nn.LayerNorm(4 * width, eps=eps)
        self.fc2 = nn.Linear(4 * width, classes)

    def forward(self, x_BC: Tensor) -> Tensor:
        logits_BK: Tensor = self.fc2(self.norm(self.act(self.fc1(x_BC))))
        return logits_BK


class Head(nn.Module):
    """The head: mean over tokens and a norm, in the recipe's order, then the classifier. x_BHWC to logits_BK."""

    def __init__(self, width: int, classes: int, recipe: NetworkRecipe, *, norm: str) -> None:
        super().__init__()
        self.norm_before_mean = recipe.norm_before_mean
        kind = TOKEN_NORMS[norm] if recipe.norm_before_mean else LayerNorm
        self.norm = kind(width, recipe.eps, bias=True)
        self.fc = MlpHead(width, classes, recipe.eps) if recipe.head == "mlp" else nn.Linear(width, classes)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        x_BC = self.norm(x_BHWC).mean((1, 2)) if self.norm_before_mean else self.norm(x_BHWC.mean((1, 2)))
        logits_BK: Tensor = self.fc(x_BC)
        return logits_BK


class MetaFormer(nn.Module):
    """A network of stem, stages and head. Images x_BCHW to logits_BK."""

    def __init__(self, stem: nn.Module, stages: Sequence[nn.Module], head: nn.Module) -> None:
        super().__init__()
        self.stem = stem
        self.stages = nn.Sequential(*stages)
        self.head = head

    def forward(self, x_BCHW: Tensor) -> Tensor:
        logits_BK: Tensor = self.head(self.stages(self.stem(x_BCHW)))
        return logits_BK
