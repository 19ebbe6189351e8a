"""The contract of every registered token mixer, third-party ones included."""

import math
from pathlib import Path

import pytest
import torch

from nas import plugins
from nas.architecture import Architecture, Blueprint, ModelInput, Stage
from nas.latency.mixer_benchmark import stated_bound
from search_spaces.cost import count
from search_spaces.exports.onnx_file import convert, run
from search_spaces.exports.weights import difference
from search_spaces.folding import folded, largest_difference
from search_spaces.model import build

MIXERS = plugins.names(plugins.MIXERS)
GRIDS = [(8, 8), (2, 2), (5, 9)]
WIDTH = 64


def make(name: str, grid: tuple[int, int], width: int = WIDTH) -> torch.nn.Module:
    torch.manual_seed(0)
    return plugins.load(plugins.MIXERS, name)(width, grid)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("name", MIXERS)
def test_keeps_the_shape_and_is_finite(name: str, grid: tuple[int, int]) -> None:
    x_BHWC = torch.randn(3, *grid, WIDTH)
    mixed = make(name, grid)(x_BHWC)
    assert mixed.shape == x_BHWC.shape
    assert torch.isfinite(mixed).all()


@pytest.mark.parametrize("name", MIXERS)
def test_every_learned_parameter_gets_a_gradient(name: str) -> None:
    mixer = make(name, (4, 4))
    mixer(torch.randn(2, 4, 4, WIDTH, requires_grad=True)).square().sum().backward()
    learned = {key: weight for key, weight in mixer.named_parameters() if weight.requires_grad}
    assert [key for key, weight in learned.items() if weight.grad is None or not weight.grad.any()] == []
    assert all(weight.grad is None for key, weight in mixer.named_parameters() if key not in learned)


@pytest.mark.parametrize("name", MIXERS)
def test_same_seed_same_output_and_state_round_trip(name: str) -> None:
    x_BHWC = torch.randn(2, 4, 4, WIDTH)
    one, other = make(name, (4, 4)), make(name, (4, 4))
    assert torch.equal(one(x_BHWC), other(x_BHWC))
    for weight in other.parameters():
        torch.nn.init.normal_(weight)
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(x_BHWC), other(x_BHWC))


@pytest.mark.parametrize("name", [name for name in MIXERS if name != "identity"])
def test_mixes_tokens(name: str) -> None:
    """A change of one token must reach another one."""
    x_BHWC = torch.randn(1, 4, 4, WIDTH)
    changed = x_BHWC.clone()
    changed[0, 1, 1] += torch.randn(WIDTH)
    mixer = make(name, (4, 4)).eval()
    assert not torch.allclose(mixer(x_BHWC)[0, 2, 2], mixer(changed)[0, 2, 2])


@pytest.mark.parametrize("name", MIXERS)
def test_channels_last_gives_the_same(name: str) -> None:
    """Tokens whose memory is laid out as a channels_first image's, and as a channels_last one's."""
    mixer = make(name, (5, 9)).eval()
    x_BHWC = torch.randn(2, 5, 9, WIDTH)
    strided = x_BHWC.permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1)
    assert not strided.is_contiguous()
    torch.testing.assert_close(mixer(strided), mixer(x_BHWC), rtol=1e-4, atol=1e-4)
    mixer.to(memory_format=torch.channels_last)
    torch.testing.assert_close(mixer(x_BHWC), mixer(strided), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", MIXERS)
def test_runs_under_bf16_autocast(name: str) -> None:
    x_BHWC = torch.randn(2, 4, 4, WIDTH)
    mixer = make(name, (4, 4))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for images in (x_BHWC, x_BHWC.bfloat16()):
            mixed = mixer(images)
            assert difference(mixer(x_BHWC).float(), mixed.float()) < 0.05
            assert torch.isfinite(mixed).all()


@pytest.mark.parametrize("grid", [(3, 5), (7, 7)])
@pytest.mark.parametrize("name", MIXERS)
def test_onnx_runtime_agrees(name: str, grid: tuple[int, int], tmp_path: Path) -> None:
    mixer = make(name, grid).eval()
    convert(mixer, torch.randn(2, *grid, WIDTH), tmp_path / "mixer.onnx", {})
    for batch in (1, 3):
        x_BHWC = torch.randn(batch, *grid, WIDTH)
        assert difference(mixer(x_BHWC), run(tmp_path / "mixer.onnx", x_BHWC)) < 1e-4


@pytest.mark.parametrize("name", MIXERS)
def test_multiply_accumulates_grow_as_stated(name: str) -> None:
    """The exponent of growth between two large grids, in which the leading term leads."""
    stated = plugins.load(plugins.MIXERS, name).cost
    macs = []
    for side in (64, 256):
        with torch.device("meta"):
            macs.append(count(make(name, (side, side)), torch.empty(1, side, side, WIDTH)).macs)
    if 0 in macs:
        # Pooling adds and does not multiply.
        assert stated in ("0", "O(n)")
        return
    exponent = math.log(macs[1] / macs[0], 256**2 / 64**2)
    minimum, maximum = {"O(n)": (0.99, 1.01), "O(n log n)": (1.02, 1.2), "O(n^2)": (1.9, 2.01)}[stated]
    assert minimum <= exponent <= maximum


@pytest.mark.parametrize("name", MIXERS)
def test_states_whether_it_is_tied_to_the_grid_and_which_resource_bounds_it(name: str) -> None:
    mixer_class = plugins.load(plugins.MIXERS, name)
    shapes = [[weight.shape for weight in make(name, grid).parameters()] for grid in ((4, 4), (6, 6))]
    assert (shapes[0] != shapes[1]) == mixer_class.tied
    assert stated_bound(mixer_class)


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
        # Expansion and projection, the depthwise filters, and two batch norms of the expanded channels.
        "inverted_bottleneck": 2 * 4 * d * d + 9 * 4 * d + 2 * 2 * 4 * d,
        "fused_inverted_bottleneck": 9 * 2 * d * d + 2 * d * d + 2 * 2 * d,
    }
    for name, learned in expected.items():
        assert sum(w.numel() for w in make(name, (4, 4), d).parameters() if w.requires_grad) == learned, name


@pytest.mark.parametrize("norm", ["batch", "layer"])
@pytest.mark.parametrize("block", ["plain", "residual", "prenorm"])
@pytest.mark.parametrize("name", MIXERS)
def test_folds_into_the_same_network_for_inference(name: str, block: str, norm: str) -> None:
    """A network of the mixer in each block form, with batch norms (of random statistics) and with layer norms."""
    stages = tuple(Stage(name, 2, width, mlp_ratio) for width, mlp_ratio in ((32, 2), (64, 0)))
    network = build(Architecture(stages, "plain", Blueprint(norm=norm, block=block)), ModelInput(3, 16, 16, 10))
    torch.manual_seed(1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for statistic in (module.weight, module.bias, module.running_mean):
                torch.nn.init.normal_(statistic, 0.5, 0.3)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    before = [weight.clone() for weight in network.state_dict().values()]
    assert largest_difference(network, torch.randn(4, 3, 16, 16)) < 1e-5
    assert all(map(torch.equal, before, network.state_dict().values()))
    norms = [module for module in folded(network).modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert norms == []
