"""The ResNets for small images: He et al., Deep Residual Learning for Image Recognition (CVPR 2016), section 4.2.

A 3x3 convolution, then three groups of n blocks of two 3x3 convolutions at widths 16, 32 and 64: 6n + 2 layers with
weights. A block that halves the grid has a shortcut of every other token, padded with zeros (option A): no weights.
"""

from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from nas.architecture import ModelInput
from search_spaces.conv_norm import ConvNorm, conv_norm
from search_spaces.known.grid import adapted_strides

WIDTHS = (16, 32, 64)


class Block(nn.Module):
    """A residual block: relu(x + norm(conv(relu(norm(conv(x))))))."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.added = outputs - inputs
        self.first = _conv(inputs, outputs, stride)
        self.act = nn.ReLU()
        self.second = _conv(outputs, outputs)
        self.last_act = nn.ReLU()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        shortcut_BCHW = F.pad(x_BCHW[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
        summed_BCHW: Tensor = self.last_act(shortcut_BCHW + self.second(self.act(self.first(x_BCHW))))
        return summed_BCHW


def resnet(model_input: ModelInput, blocks: int) -> nn.Sequential:
    """Make the network, images x_BCHW to logits_BK, with `blocks` in each group."""
    layers: list[nn.Module] = [_conv(model_input.channels, WIDTHS[0]), nn.ReLU()]
    strides = adapted_strides((1, 2, 2), min(model_input.height_px, model_input.width_px))
    inputs = WIDTHS[0]
    for width, stride in zip(WIDTHS, strides, strict=True):
        for index in range(blocks):
            layers.append(Block(inputs, width, stride if index == 0 else 1))
            inputs = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, model_input.classes))


def _conv(inputs: int, outputs: int, stride: int = 1) -> ConvNorm:
    return conv_norm(inputs, outputs, 3, nn.BatchNorm2d(outputs), stride=stride)


resnet8 = partial(resnet, blocks=1)
resnet14 = partial(resnet, blocks=2)
resnet20 = partial(resnet, blocks=3)
