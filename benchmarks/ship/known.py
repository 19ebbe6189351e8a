"""The baselines: networks that anyone writes for small pictures, in plain torch."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Pictures from which the first layer's filters are computed.
WHITENING_PICTURES = 1000


def plain_cnn(channels: int, classes: int, widths: tuple[int, int, int, int], first_stride: int) -> nn.Module:
    """Build six 3x3 convolutions with batch norm and ReLU, a mean and a linear layer."""

    def conv(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]

    a, b, c, d = widths
    convs = [*conv(channels, a, first_stride), *conv(a, b, 2), *conv(b, b), *conv(b, c, 2), *conv(c, c), *conv(c, d, 2)]
    return nn.Sequential(*convs, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(d, classes))


class SpeedRecord(nn.Module):
    """The network of the CIFAR-10 speed record (Jordan, 2024, arXiv 2404.00498) at widths of one's own.

    The first layer is frozen: `whiten` sets it from training pictures.
    """

    def __init__(self, channels: int, classes: int, widths: tuple[int, int, int]) -> None:
        super().__init__()
        patch = 4 * channels
        self.first = nn.Conv2d(channels, 2 * patch, 2)
        self.first.weight.requires_grad = False
        groups = (self._group(a, b) for a, b in zip((2 * patch, *widths), widths, strict=False))
        self.groups = nn.Sequential(*groups)
        self.head = nn.Linear(widths[-1], classes, bias=False)

    @torch.no_grad()
    def whiten(self, x_NCHW: Tensor) -> None:
        """Set the filters: eigenvectors of the pictures' 2x2 patches, scaled to unit variance, and their negatives."""
        patches_MP = F.unfold(x_NCHW, 2).transpose(1, 2).flatten(0, 1)
        values_P, vectors_PP = torch.linalg.eigh(patches_MP.T @ patches_MP / len(patches_MP))
        scaled_PP = (vectors_PP / (values_P + 5e-4).sqrt()).T
        self.first.weight.copy_(torch.cat((scaled_PP, -scaled_PP)).view_as(self.first.weight))

    def forward(self, x_NCHW: Tensor) -> Tensor:
        features_NCHW = self.groups(F.gelu(self.first(x_NCHW)))
        logits_NK: Tensor = self.head(features_NCHW.amax((2, 3))) / 9
        return logits_NK

    @staticmethod
    def _group(inputs: int, outputs: int) -> nn.Module:
        def conv(inputs: int) -> nn.Conv2d:
            layer = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
            # Partial identity: the first filters pass their inputs on.
            nn.init.dirac_(layer.weight.data[:inputs])
            return layer

        def norm() -> nn.BatchNorm2d:
            layer = nn.BatchNorm2d(outputs)
            layer.weight.requires_grad = False
            return layer

        return nn.Sequential(conv(inputs), nn.MaxPool2d(2), norm(), nn.GELU(), conv(outputs), norm(), nn.GELU())


class Residual(nn.Module):
    """Two 3x3 convolutions with batch norm around a shortcut, a 1x1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return F.relu(self.branch(x_NCHW) + self.shortcut(x_NCHW))


def resnet8(channels: int, classes: int) -> nn.Module:
    """Build the classic CIFAR ResNet (He et al., 2015) with a block in each of its three groups."""
    stem = [nn.Conv2d(channels, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    blocks = [Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 64, 2)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))


def whitened_record(x_NCHW: Tensor, classes: int, widths: tuple[int, int, int]) -> nn.Module:
    network = SpeedRecord(x_NCHW.shape[1], classes, widths)
    network.whiten(x_NCHW[:WHITENING_PICTURES])
    return network


# Factories by name, called with training pictures x_NCHW and the number of classes; weights come fresh from torch's
# global generator.
BASELINES: Mapping[str, Callable[[Tensor, int], nn.Module]] = {
    "plain CNN 24-48-96-128, stride 2": lambda x, classes: plain_cnn(x.shape[1], classes, (24, 48, 96, 128), 2),
    "plain CNN 32-64-128-256, stride 1": lambda x, classes: plain_cnn(x.shape[1], classes, (32, 64, 128, 256), 1),
    "speed record 24-64-64": lambda x, classes: whitened_record(x, classes, (24, 64, 64)),
    "ResNet-8": lambda x, classes: resnet8(x.shape[1], classes),
}
