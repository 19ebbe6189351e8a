"""Protocols of modules with a simpler form for inference, and the small modules that networks fold into."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from search_spaces.conv_norm import Affine, factor_and_shift, fold_into


@runtime_checkable
class Foldable(Protocol):
    """A module with a simpler form for inference, whose children are folded in turn."""

    def folded(self) -> nn.Module: ...


@runtime_checkable
class MergesBranches(Protocol):
    """A foldable module whose simpler form has fewer multiply-accumulates; others' have as many."""

    merges_branches: bool

    def folded(self) -> nn.Module: ...


@runtime_checkable
class Deployable(Protocol):
    """A network that builds its own deployed form."""

    def deployed(self) -> nn.Module: ...


@runtime_checkable
class Scalable(Protocol):
    """A mixer whose inference can apply a factor and a shift per channel, (width,) each. The result is on x_BCHW."""

    def scaled(self, factor_C: Tensor, shift_C: Tensor) -> nn.Module: ...


@runtime_checkable
class EndsInLayer(Protocol):
    """A mixer whose outputs come from one linear layer or convolution, which `last` names."""

    last: str


@runtime_checkable
class Convolutional(Protocol):
    """A mixer that also has a form on x_BCHW, with the same weights."""

    def on_channels_first(self) -> nn.Module: ...


class Residual(nn.Module):
    """x + branch(x), of any shape."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        summed: Tensor = x + self.branch(x)
        return summed


class OnTokens(nn.Module):
    """An adapter that runs a mixer of x_BHWC on x_BCHW."""

    def __init__(self, mixer: nn.Module) -> None:
        super().__init__()
        self.mixer = mixer

    def forward(self, x_BCHW: Tensor) -> Tensor:
        mixed_BHWC: Tensor = self.mixer(x_BCHW.permute(0, 2, 3, 1))
        return mixed_BHWC.permute(0, 3, 1, 2)


class OnChannelsFirst(nn.Module):
    """An adapter that runs a mixer of x_BCHW on x_BHWC."""

    def __init__(self, mixer: nn.Module) -> None:
        super().__init__()
        self.mixer = mixer

    def forward(self, x_BHWC: Tensor) -> Tensor:
        mixed_BCHW: Tensor = self.mixer(x_BHWC.permute(0, 3, 1, 2))
        return mixed_BCHW.permute(0, 2, 3, 1)


@torch.no_grad()
def mixer_with_norm(mixer: nn.Module, norm: nn.Module) -> nn.Module:
    """Combine a mixer and the norm behind it on x_BCHW; a batch norm is folded into a mixer that can take it."""
    remaining: nn.Module = norm
    if isinstance(norm, nn.BatchNorm2d):
        if isinstance(mixer, Scalable):
            return mixer.scaled(*factor_and_shift(norm))
        remaining = nn.Identity()
        if isinstance(mixer, EndsInLayer):
            layer = mixer.get_submodule(mixer.last)
            assert isinstance(layer, (nn.Conv2d, nn.Linear))  # noqa: S101 - what `last` means
            fold_into(layer, norm)
        else:
            remaining = Affine(*factor_and_shift(norm))
    mixing = mixer.on_channels_first() if isinstance(mixer, Convolutional) else OnTokens(mixer)
    return nn.Sequential(mixing, remaining)


def flattened(module: nn.Module) -> nn.Module:
    """Remove nested sequences and identities: calls that compute nothing take time too."""
    for name, child in module.named_children():
        setattr(module, name, flattened(child))
    if not isinstance(module, nn.Sequential):
        return module
    parts: list[nn.Module] = []
    for child in module:
        if isinstance(child, nn.Sequential):
            parts.extend(child)
        elif not isinstance(child, nn.Identity):
            parts.append(child)
    return parts[0] if len(parts) == 1 else nn.Sequential(*parts)
