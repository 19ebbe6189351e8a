"""The plain convolutional network as a textbook has it: six 3x3 convolutions with batch norm and ReLU.

Only 3x3 convolutions: Simonyan and Zisserman, Very Deep Convolutional Networks (ICLR 2015), table 1; strides in
place of pooling: Springenberg et al., Striving for Simplicity (ICLR 2015 workshop), section 2; batch norm: Ioffe and
Szegedy (ICML 2015).
"""

from functools import partial

from torch import nn

from nas.architecture import ModelInput
from search_spaces.conv_norm import conv_norm
from search_spaces.known.grid import adapted_strides


def plain_cnn(model_input: ModelInput, widths: tuple[int, int, int, int], first_stride: int) -> nn.Sequential:
    """Make the network, images x_BCHW to logits_BK; the second and the third width have two convolutions each."""
    first, second, third, fourth = widths
    channels = (model_input.channels, first, second, second, third, third, fourth)
    smaller_px = min(model_input.height_px, model_input.width_px)
    strides = adapted_strides((first_stride, 2, 1, 2, 1, 2), smaller_px)
    layers: list[nn.Module] = []
    for inputs, outputs, stride in zip(channels[:-1], channels[1:], strides, strict=True):
        layers += [conv_norm(inputs, outputs, 3, nn.BatchNorm2d(outputs), stride=stride), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(fourth, model_input.classes))


small = partial(plain_cnn, widths=(12, 24, 48, 64), first_stride=2)
medium = partial(plain_cnn, widths=(24, 48, 96, 128), first_stride=2)
large = partial(plain_cnn, widths=(32, 64, 128, 256), first_stride=1)
