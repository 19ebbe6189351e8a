"""A layer and the batch norm behind it as one module: in deployment the norm folds into the layer's weights.

In inference a batch norm is y = x * factor + shift per channel, with factor = weight / sqrt(variance + eps) and
shift = bias - mean * factor (Ioffe and Szegedy, Batch Normalization, 2015).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvNorm(nn.Module):
    """A convolution and a norm behind it. x_BCHW to x_BCHW."""

    def __init__(self, conv: nn.Conv2d, norm: nn.Module) -> None:
        super().__init__()
        self.conv = conv
        self.norm = norm

    def forward(self, x_BCHW: Tensor) -> Tensor:
        normed_BCHW: Tensor = self.norm(self.conv(x_BCHW))
        return normed_BCHW

    def folded(self) -> nn.Module:
        """Fold the norm into the convolution and return that; this module itself where the norm cannot be folded."""
        if not isinstance(self.norm, nn.BatchNorm2d):
            return self
        fold_into(self.conv, self.norm)
        return self.conv


class Affine(nn.Module):
    """A factor and a shift per channel: the deployed form of a batch norm without a layer to fold into. On x_BCHW."""

    def __init__(self, factor: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.factor = nn.Parameter(factor.clone(), requires_grad=False)
        self.shift = nn.Parameter(shift.clone(), requires_grad=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return scaled(x_BCHW, self.factor, self.shift)


def scaled(x_BCHW: Tensor, factor_C: Tensor, shift_C: Tensor | None = None) -> Tensor:
    """Multiply x by a factor per channel and add a shift. The exported form is a depthwise 1x1 convolution.

    ONNX Runtime keeps channels in blocks for convolutions, pooling and sums, and leaves that layout for products. torch
    takes ten times as long for such a convolution as for a product.
    """
    if torch.compiler.is_exporting():
        return F.conv2d(x_BCHW, factor_C[:, None, None, None], shift_C, groups=len(factor_C))
    product = x_BCHW * factor_C[:, None, None]
    return product if shift_C is None else product + shift_C[:, None, None]


def conv_norm(inputs: int, outputs: int, kernel: int, norm: nn.Module, *, stride: int = 1, groups: int = 1) -> ConvNorm:
    """Make a convolution without bias, padded so that a stride of 1 keeps the grid, with the norm behind it."""
    padding = (kernel - stride + 1) // 2
    return ConvNorm(nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False), norm)


def factor_and_shift(norm: nn.BatchNorm2d | nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Express the norm's inference as y = x * factor + shift, each (channels,)."""
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None:
        raise ValueError("a batch norm without running statistics cannot be folded")
    factor = norm.weight.detach() * torch.rsqrt(variance + norm.eps)
    return factor, norm.bias.detach() - mean * factor


@torch.no_grad()
def fold_into(layer: nn.Conv2d | nn.Linear, norm: nn.BatchNorm2d) -> None:
    """Change the layer's weights so that it computes what layer and norm do together."""
    factor, shift = factor_and_shift(norm)
    layer.weight.mul_(factor.reshape(-1, *[1] * (layer.weight.dim() - 1)))
    bias = shift if layer.bias is None else layer.bias * factor + shift
    layer.bias = nn.Parameter(bias.clone(), requires_grad=layer.weight.requires_grad)
