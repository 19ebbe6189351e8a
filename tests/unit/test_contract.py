"""The contract suite finds what is wrong with a mixer."""

from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from nas.errors import UnknownNameError
from search_spaces.contract import behaviour, deployment
from search_spaces.contract.subject import ContractError, Subject
from search_spaces.contract.suite import check_contract


class Depthwise(nn.Module):
    """A mixer that keeps the contract; subclasses break it."""

    cost: ClassVar[str] = "O(n)"
    mixing: ClassVar[str] = "local"
    tied: ClassVar = False
    bound_by: ClassVar = "memory bandwidth"

    def __init__(self, width: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        mixed_BCHW: Tensor = self.conv(x_BHWC.permute(0, 3, 1, 2))
        return mixed_BCHW.permute(0, 2, 3, 1)


class SaysGlobal(Depthwise):
    mixing: ClassVar = "global"


class SaysQuadratic(Depthwise):
    cost: ClassVar = "O(n^2)"


class SaysAnything(Depthwise):
    mixing: ClassVar = "far"


class SaysLocal(Depthwise):
    def forward(self, x_BHWC: Tensor) -> Tensor:
        return super().forward(x_BHWC) + x_BHWC.mean((1, 2), keepdim=True)


class SaysNone(Depthwise):
    mixing: ClassVar = "none"


class MixesImages(Depthwise):
    def forward(self, x_BHWC: Tensor) -> Tensor:
        return super().forward(x_BHWC) + x_BHWC.mean(0, keepdim=True)


class HasDeadWeight(Depthwise):
    def __init__(self, width: int, grid: tuple[int, int]) -> None:
        super().__init__(width, grid)
        self.dead = nn.Parameter(torch.ones(1))


class Shrinks(Depthwise):
    def forward(self, x_BHWC: Tensor) -> Tensor:
        return super().forward(x_BHWC)[:, 1:]


@pytest.mark.parametrize(
    ("mixer_class", "check", "violation"),
    [
        (SaysGlobal, behaviour.mixes_as_far_as_stated, "60 of 64 tokens do not matter"),
        (SaysLocal, behaviour.mixes_as_far_as_stated, "reaches their corner"),
        (SaysNone, behaviour.mixes_as_far_as_stated, "a token reaches others"),
        (SaysAnything, behaviour.mixes_as_far_as_stated, "mixing 'far' is not one of none, local, global"),
        (SaysQuadratic, deployment.grows_as_stated, "grow as n^1.00"),
        (MixesImages, behaviour.keeps_images_apart, "an image alone and in its batch differ"),
        (HasDeadWeight, behaviour.learns_every_parameter, "parameter dead gets no gradient"),
        (Shrinks, behaviour.keeps_the_shape, "turns"),
    ],
)
def test_a_violation_is_found(mixer_class: type[nn.Module], check: Any, violation: str) -> None:
    check(Subject("mine", Depthwise))
    with pytest.raises(ContractError, match=violation.replace("^", r"\^")):
        check(Subject("mine", mixer_class))


def test_an_unknown_mixer_is_refused_before_the_first_check() -> None:
    with pytest.raises(UnknownNameError, match="magic"):
        check_contract("magic")


def test_the_generator_is_left_as_it_was() -> None:
    before = torch.random.get_rng_state()
    assert next(iter(check_contract("identity"))).violation is None
    assert torch.equal(torch.random.get_rng_state(), before)
