"""StarReLU: its formula, and its hand-written gradients in training."""

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.activation import STAR_BIAS, STAR_SCALE, StarReLU, StarReLUFunction

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=4)


@given(shapes, st.integers(0, 1000))
def test_its_gradients_are_the_derivatives(shape: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    scale, bias = (torch.randn(1, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(StarReLUFunction.apply, (x, scale, bias))


def test_training_and_evaluation_agree() -> None:
    generator = torch.Generator().manual_seed(0)
    star, x = StarReLU(), torch.randn(2, 3, 4, 5, generator=generator).permute(0, 3, 1, 2)
    wanted = STAR_SCALE * F.relu(x) ** 2 + STAR_BIAS
    assert torch.allclose(star.train()(x), wanted)
    assert torch.allclose(star.eval()(x), wanted)
    for precise in (torch.float64, torch.bfloat16):
        assert torch.allclose(star.train()(x.to(precise)).float(), wanted, atol=0.05)
