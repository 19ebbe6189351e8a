"""What every registered token mixer must do."""

import pytest
import torch

from nas import plugins

MIXERS = plugins.names(plugins.MIXERS)
GRIDS = [(8, 8), (2, 2), (5, 9)]


def make(name: str, grid: tuple[int, int], width: int = 64) -> torch.nn.Module:
    torch.manual_seed(0)
    return plugins.load(plugins.MIXERS, name)(width, grid)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("name", MIXERS)
def test_keeps_the_shape_and_is_finite(name: str, grid: tuple[int, int]) -> None:
    x_BHWC = torch.randn(3, *grid, 64)
    mixed = make(name, grid)(x_BHWC)
    assert mixed.shape == x_BHWC.shape
    assert torch.isfinite(mixed).all()


@pytest.mark.parametrize("name", MIXERS)
def test_every_learned_parameter_gets_a_gradient(name: str) -> None:
    mixer = make(name, (4, 4))
    mixer(torch.randn(2, 4, 4, 64, requires_grad=True)).square().sum().backward()
    assert [key for key, weight in mixer.named_parameters() if weight.grad is None or not weight.grad.any()] == []


@pytest.mark.parametrize("name", MIXERS)
def test_same_seed_same_output_and_state_round_trip(name: str) -> None:
    x_BHWC = torch.randn(2, 4, 4, 64)
    one, other = make(name, (4, 4)), make(name, (4, 4))
    assert torch.equal(one(x_BHWC), other(x_BHWC))
    for weight in other.parameters():
        torch.nn.init.normal_(weight)
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(x_BHWC), other(x_BHWC))


@pytest.mark.parametrize("name", MIXERS)
def test_mixes_tokens(name: str) -> None:
    """A change of one token must reach another one."""
    x_BHWC = torch.randn(1, 4, 4, 64)
    changed = x_BHWC.clone()
    changed[0, 1, 1] += 1.0
    mixer = make(name, (4, 4)).eval()
    assert not torch.allclose(mixer(x_BHWC)[0, 2, 2], mixer(changed)[0, 2, 2])


@pytest.mark.parametrize("name", MIXERS)
def test_runs_under_bf16_autocast(name: str) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.isfinite(make(name, (4, 4))(torch.randn(2, 4, 4, 64))).all()


def test_pool_is_the_published_definition() -> None:
    x_BHWC = torch.randn(2, 5, 6, 3)
    x_BCHW = x_BHWC.permute(0, 3, 1, 2)
    published = torch.nn.functional.avg_pool2d(x_BCHW, 3, 1, 1, count_include_pad=False) - x_BCHW
    torch.testing.assert_close(make("pool", (5, 6), 3)(x_BHWC), published.permute(0, 2, 3, 1))
