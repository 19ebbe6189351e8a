"""The network of the CIFAR-10 speed record: Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU (arXiv 2404.00498).

As the author published it (`cifar10-airbench`, the network of 94%): a 2x2 convolution, three groups of two 3x3
convolutions with pooling right after the first one, batch norm without a learned scale and with fast running
statistics, GELU, a maximum over the remaining grid, a linear layer without bias whose output is scaled down.
Convolutions start as partial identity. The first one learns here; in the record it is frozen and whitens patches.
"""

from functools import partial

from torch import Tensor, nn

from nas.architecture import ModelInput
from search_spaces.conv_norm import ConvNorm, fold_into
from search_spaces.known.grid import MIN_GRID

PATCH_PX = 2
# torch weights the new statistics; the record's code weights the old ones, by 0.6.
MOMENTUM = 0.4
LOGIT_SCALE = 1 / 9


class PooledConvNorm(nn.Module):
    """A convolution, a maximum over 2x2 and a batch norm whose scale is positive: it folds into the convolution."""

    def __init__(self, conv: nn.Conv2d, pool: nn.MaxPool2d, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.conv = conv
        self.pool = pool
        self.norm = norm

    def forward(self, x_BCHW: Tensor) -> Tensor:
        normed_BCHW: Tensor = self.norm(self.pool(self.conv(x_BCHW)))
        return normed_BCHW

    def folded(self) -> nn.Sequential:
        """Fold the norm into the convolution: the same outputs in evaluation mode."""
        fold_into(self.conv, self.norm)
        return nn.Sequential(self.conv, self.pool)


class ScaledLinear(nn.Module):
    """A linear layer without bias, its output scaled down. x_BC to logits_BK."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, classes, bias=False)

    def forward(self, x_BC: Tensor) -> Tensor:
        logits_BK: Tensor = self.linear(x_BC) * LOGIT_SCALE
        return logits_BK


def speed_record(model_input: ModelInput, widths: tuple[int, int, int]) -> nn.Sequential:
    """Make the network, images x_BCHW to logits_BK, without pools that would leave less than a 2x2 grid."""
    # One filter for each number of a patch, and its negative.
    filters = 2 * model_input.channels * PATCH_PX**2
    layers: list[nn.Module] = [nn.Conv2d(model_input.channels, filters, PATCH_PX), nn.GELU()]
    size_px, inputs = min(model_input.height_px, model_input.width_px) - PATCH_PX + 1, filters
    for width in widths:
        is_pooled = size_px // 2 >= MIN_GRID
        if is_pooled:
            size_px //= 2
            layers.append(PooledConvNorm(_conv(inputs, width), nn.MaxPool2d(2), _norm(width)))
        else:
            layers.append(ConvNorm(_conv(inputs, width), _norm(width)))
        layers += [nn.GELU(), ConvNorm(_conv(width, width), _norm(width)), nn.GELU()]
        inputs = width
    head = ScaledLinear(inputs, model_input.classes)
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), head)


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    """Make a 3x3 convolution whose first filters pass their inputs on unchanged."""
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    nn.init.dirac_(conv.weight.data[: min(inputs, outputs)])
    return conv


def _norm(width: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(width, momentum=MOMENTUM)
    norm.weight.requires_grad_(False)
    return norm


small = partial(speed_record, widths=(16, 64, 64))
medium = partial(speed_record, widths=(32, 128, 128))
large = partial(speed_record, widths=(64, 256, 256))
