"""Checks of a token mixer as a module: shapes, gradients, seeds, reach, layouts and precision."""

import torch
from torch import Tensor

from nas.space.mixing import GLOBAL, LOCAL, MIXINGS, NONE
from search_spaces.contract.subject import WIDTH, Subject, require
from search_spaces.exports.weights import difference

GRIDS = ((8, 8), (2, 2), (5, 9))
SMALL, ODD = (4, 4), (5, 9)
# Far enough from the middle to its corner that no local mixer reaches it.
WIDE = (32, 32)
SAME, SAME_IN_BF16 = 1e-4, 0.05


def keeps_the_shape(subject: Subject) -> None:
    """Outputs are finite and of the inputs' shape, on square, tiny and odd grids."""
    for grid in GRIDS:
        x_BHWC = torch.randn(3, *grid, WIDTH)
        mixed = subject.make(grid)(x_BHWC)
        require(mixed.shape == x_BHWC.shape, f"turns {list(x_BHWC.shape)} into {list(mixed.shape)}")
        require(bool(torch.isfinite(mixed).all()), f"outputs are not finite on a grid of {grid}")


def learns_every_parameter(subject: Subject) -> None:
    """Learned parameters have gradients, frozen ones have none."""
    mixer = subject.make(SMALL)
    mixer(torch.randn(2, *SMALL, WIDTH, requires_grad=True)).square().sum().backward()
    for name, weight in mixer.named_parameters():
        has_gradient = weight.grad is not None and bool(weight.grad.any())
        require(has_gradient or not weight.requires_grad, f"parameter {name} gets no gradient")
        require(weight.requires_grad or weight.grad is None, f"frozen parameter {name} gets a gradient")


def repeats_by_seed_and_state(subject: Subject) -> None:
    """The same seed or the same state gives the same outputs."""
    x_BHWC = torch.randn(2, *SMALL, WIDTH)
    one, other = subject.make(SMALL), subject.make(SMALL)
    require(torch.equal(one(x_BHWC), other(x_BHWC)), "two mixers of one seed differ")
    for weight in other.parameters():
        torch.nn.init.normal_(weight)
    other.load_state_dict(one.state_dict())
    require(torch.equal(one(x_BHWC), other(x_BHWC)), "a mixer with another's state gives other outputs")


def mixes_as_far_as_stated(subject: Subject) -> None:
    """The input gradient of one token's output reaches the tokens that `mixing` says."""
    mixing = subject.stated("mixing")
    require(mixing in MIXINGS, f"mixing {mixing!r} is not one of {', '.join(MIXINGS)}")
    if mixing == GLOBAL:
        reached_HW = _receptive_field(subject, (8, 8), (0, 0))
        require(bool(reached_HW.all()), f"mixing is global, but {int((~reached_HW).sum())} of 64 tokens do not matter")
        return
    middle = (WIDE[0] // 2, WIDE[1] // 2)
    reached_HW = _receptive_field(subject, WIDE, middle)
    reached_HW[middle] = False
    if mixing == NONE:
        require(not reached_HW.any(), "mixing is none, but a token reaches others")
    if mixing == LOCAL:
        require(bool(reached_HW.any()), "mixing is local, but no token reaches another")
        require(not reached_HW[0, 0], f"mixing is local, but the middle of {WIDE} tokens reaches their corner")


def _receptive_field(subject: Subject, grid: tuple[int, int], token: tuple[int, int]) -> Tensor:
    """Return which tokens of the grid the output at `token` depends on, (height, width)."""
    mixer = subject.make(grid).eval()
    x_BHWC = torch.randn(1, *grid, WIDTH, requires_grad=True)
    row, column = token
    output = mixer(x_BHWC)[0, row, column] @ torch.randn(WIDTH)
    (gradient_BHWC,) = torch.autograd.grad(output, x_BHWC)
    return gradient_BHWC[0].any(dim=2)


def keeps_images_apart(subject: Subject) -> None:
    """In evaluation an image's output does not depend on the rest of its batch."""
    mixer = subject.make(ODD).eval()
    x_BHWC = torch.randn(3, *ODD, WIDTH)
    worst = max(difference(mixer(x_BHWC[index : index + 1]), mixer(x_BHWC)[index : index + 1]) for index in range(3))
    require(worst <= SAME, f"an image alone and in its batch differ by {worst:.1e}")


def takes_any_memory_format(subject: Subject) -> None:
    """Tokens laid out as a channels_first image's and as a channels_last one's give the same."""
    mixer = subject.make(ODD).eval()
    x_BHWC = torch.randn(2, *ODD, WIDTH)
    strided = x_BHWC.permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1)
    before = mixer(x_BHWC)
    after = [mixer(strided)]
    mixer.to(memory_format=torch.channels_last)
    after += [mixer(x_BHWC), mixer(strided)]
    for mixed in after:
        require(bool(torch.allclose(mixed, before, SAME, SAME)), "outputs depend on the memory format")


def runs_under_bf16_autocast(subject: Subject) -> None:
    """Under bf16 autocast outputs are finite and within 5% of float32's."""
    x_BHWC = torch.randn(2, *SMALL, WIDTH)
    mixer = subject.make(SMALL)
    for images in (x_BHWC, x_BHWC.bfloat16()):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            mixed = mixer(images).float()
        require(bool(torch.isfinite(mixed).all()), "outputs are not finite under bf16 autocast")
        worst = difference(mixer(x_BHWC), mixed)
        require(worst < SAME_IN_BF16, f"bf16 autocast changes outputs by {worst:.1e}")
