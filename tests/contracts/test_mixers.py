"""The contract of every registered token mixer, third-party ones included."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from nas import plugins
from nas.latency.mixer_benchmark import stated_bound
from search_spaces.contract import deployment, suite
from search_spaces.contract.subject import Subject

MIXERS = plugins.names(plugins.MIXERS)
WIDTH = 64


def make(name: str, grid: tuple[int, int], width: int = WIDTH) -> torch.nn.Module:
    torch.manual_seed(0)
    return plugins.load(plugins.MIXERS, name)(width, grid)


@pytest.mark.parametrize("check", suite.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", MIXERS)
def test_keeps_the_contract(name: str, check: Callable[[Subject], None]) -> None:
    check(Subject(name, plugins.load(plugins.MIXERS, name)))


# Options unlike the defaults, which change how a mixer computes, folds or exports.
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("window_attention", {"window": 4, "shift": True, "position_bias": True}),
    ("window_attention", {"window": 3, "head_dim": 16, "bias": True}),
    ("pooled_attention", {"reduction": 1}),
    ("pooled_attention", {"reduction": 4, "dense": True, "bias": True}),
    ("linear_attention", {"aggregation": 5}),
    ("single_head_attention", {"ratio": 1.0}),
    ("rep_mixer", {"kernel": 5}),
    ("inception_depthwise", {"ratio": 0.25, "band": 7, "bias": True}),
    ("gated_conv", {"expansion": 2, "bias": True}),
    ("state_space", {"states": 8, "expansion": 2}),
]
# The cost of small windows and of heads leads at other sizes.
OF_VARIANTS = [check for check in suite.CHECKS if check is not deployment.grows_as_stated]


@pytest.mark.parametrize("check", OF_VARIANTS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
def test_keeps_the_contract_with_other_options(
    name: str, options: dict[str, Any], check: Callable[[Subject], None]
) -> None:
    check(Subject(name, plugins.load(plugins.MIXERS, name), options))


def test_a_mixer_may_state_its_bound_under_the_old_name_for_a_release() -> None:
    pool = plugins.load(plugins.MIXERS, "pool")
    with pytest.warns(DeprecationWarning, match="Old: the attribute leans_on is now named bound_by"):
        assert stated_bound(type("Old", (pool,), {"leans_on": "compute"})) == "compute"
    assert stated_bound(type("New", (pool,), {})) == pool.bound_by


def test_pool_is_the_published_definition() -> None:
    x_BHWC = torch.randn(2, 5, 6, 3)
    x_BCHW = x_BHWC.permute(0, 3, 1, 2)
    published = torch.nn.functional.avg_pool2d(x_BCHW, 3, 1, 1, count_include_pad=False) - x_BCHW
    torch.testing.assert_close(make("pool", (5, 6), 3)(x_BHWC), published.permute(0, 2, 3, 1))


def test_random_mixing_is_softmax_of_uniform_rows_and_frozen() -> None:
    mixer = make("random", (3, 4))
    (matrix,) = mixer.parameters()
    assert matrix.shape == (12, 12)
    assert not matrix.requires_grad
    torch.testing.assert_close(matrix.sum(1), torch.ones(12))
    assert matrix.min() >= math.exp(0) / (12 * math.exp(1))
    assert matrix.max() <= math.exp(1) / 12
    x_BHWC = torch.randn(2, 3, 4, 8)
    expected = torch.einsum("mn,bnc->bmc", matrix, x_BHWC.reshape(2, 12, 8)).reshape(2, 3, 4, 8)
    torch.testing.assert_close(mixer(x_BHWC), expected)


def test_fourier_is_fnets_and_grid_fourier_leaves_channels_alone() -> None:
    x_BHWC = torch.randn(2, 3, 4, 8)
    tokens = x_BHWC.reshape(2, 12, 8)
    fnet = torch.fft.fft(torch.fft.fft(tokens, dim=-1), dim=-2).real
    torch.testing.assert_close(make("fourier", (3, 4), 8)(x_BHWC).reshape(2, 12, 8), fnet)
    per_channel = torch.stack([torch.fft.fft2(x_BHWC[..., channel]).real for channel in range(8)], dim=-1)
    torch.testing.assert_close(make("grid_fourier", (3, 4), 8)(x_BHWC), per_channel)


def test_learned_parameters_are_as_published() -> None:
    d, n = 64, 16
    expected = {
        "identity": 0,
        "pool": 0,
        "depthwise": 9 * d,
        "conv": 4 * d * d + 98 * d + 2,
        "attention": 4 * d * d,
        "random": 0,
        "fourier": 0,
        "grid_fourier": 0,
        "spatial_mlp": n * n,
        "token_mlp": 2 * n * (d // 2) + d // 2 + n,
        "dense_conv": 9 * d * d,
        "window_attention": 4 * d * d,
        "pooled_attention": 4 * d * d + 4 * d + 2 * d,
        "linear_attention": 4 * d * d,
        # Slice of 16 channels: group norm, query, key and value with batch norm, projection.
        "single_head_attention": 2 * 16 + 16 * 48 + 2 * 48 + d * d,
        # Two depthwise convolutions and four batch norms; 10d when folded.
        "rep_mixer": 9 * d + d + 4 * 2 * d,
        "inception_depthwise": (9 + 11 + 11) * (d // 8),
        "gated_conv": 3 * d * d + 49 * d,
        "state_space": 3 * d * d + (3 * d + 27) * 16 + 1,
        # Expansion and projection, the depthwise filters, and two batch norms of the expanded channels.
        "inverted_bottleneck": 2 * 4 * d * d + 9 * 4 * d + 2 * 2 * 4 * d,
        "fused_inverted_bottleneck": 9 * 2 * d * d + 2 * d * d + 2 * 2 * d,
    }
    for name, learned in expected.items():
        assert sum(w.numel() for w in make(name, (4, 4), d).parameters() if w.requires_grad) == learned, name
