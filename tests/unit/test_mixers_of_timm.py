"""Token mixers against timm's classes with the same weights, which are mapped by name."""

from collections.abc import Mapping

import pytest
import torch
from timm.models.efficientvim import HSMSSD
from timm.models.efficientvit_mit import LiteMLA
from timm.models.fastvit import RepMixer as TimmRepMixer
from timm.models.inception_next import InceptionDWConv2d
from timm.models.mambaout import GatedConvBlock
from timm.models.pvt_v2 import Attention as PvtAttention
from timm.models.shvit import SHSA
from timm.models.swin_transformer import SwinTransformerBlock, window_partition
from timm.models.swin_transformer import WindowAttention as SwinAttention
from torch import Tensor, nn

from nas import plugins
from search_spaces.foldable import mixer_with_norm
from search_spaces.folding import folded

TOLERANCE = 1e-5
GRIDS = [(8, 8), (4, 12), (6, 10)]
WIDTH = 64


def randomised(module: nn.Module) -> nn.Module:
    """Draw all weights and running statistics anew, so that no initial value hides a difference."""
    torch.manual_seed(1)
    for name, value in module.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2.0)
        elif value.is_floating_point():
            value.normal_(0.0, 1.0 / max(1, value[0].numel()) ** 0.5 if value.dim() > 1 else 0.5)
    return module.eval()


def make(mixer: str, grid: tuple[int, int], **options: object) -> nn.Module:
    made: nn.Module = plugins.load(plugins.MIXERS, mixer)(WIDTH, grid, **options)
    return made.eval()


def take_weights(ours: nn.Module, timms: nn.Module, names: Mapping[str, str], unused: tuple[str, ...] = ()) -> None:
    """Copy timm's weights into ours; `names` has the start of our names by the start of timm's, '' for unchanged."""
    state = {}
    for name, value in timms.state_dict().items():
        if name.startswith(unused) or name.endswith("num_batches_tracked"):
            continue
        start = max((start for start in names if name.startswith(start)), key=len)
        state[names[start] + name[len(start) :]] = value
    target = ours.state_dict()
    counters = {name: value for name, value in target.items() if name.endswith("num_batches_tracked")}
    shaped = {name: value.reshape(target[name].shape) for name, value in state.items()}
    ours.load_state_dict({**shaped, **counters})


def on_images(mixer: nn.Module, x_BCHW: Tensor) -> Tensor:
    mixed: Tensor = mixer(x_BCHW.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    return mixed


def agree(ours: Tensor, timms: Tensor) -> None:
    assert float((ours - timms).abs().max()) <= TOLERANCE * max(1.0, float(timms.abs().max()))


@pytest.fixture(params=GRIDS, ids=str, name="x_BCHW")
def images(request: pytest.FixtureRequest) -> Tensor:
    return torch.randn(2, WIDTH, *request.param, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
@pytest.mark.parametrize("grid", [(8, 8), (4, 12)])
def test_window_attention_is_swins(grid: tuple[int, int]) -> None:
    timms = randomised(SwinAttention(WIDTH, num_heads=2, window_size=4))
    ours = make("window_attention", grid, window=4, position_bias=True, bias=True)
    take_weights(ours, timms, {"": "", "relative_position_bias_table": "position_bias"})
    x_BHWC = torch.randn(2, *grid, WIDTH)
    windows = timms(window_partition(x_BHWC, (4, 4)).flatten(1, 2))
    agree(window_partition(ours(x_BHWC), (4, 4)).flatten(1, 2), windows)
    agree(window_partition(folded(ours)(x_BHWC), (4, 4)).flatten(1, 2), windows)


@torch.no_grad()
def test_shifted_windows_are_swins() -> None:
    block = randomised(SwinTransformerBlock(WIDTH, (8, 12), num_heads=2, window_size=4, shift_size=2))
    ours = make("window_attention", (8, 12), window=4, position_bias=True, bias=True, shift=True)
    take_weights(ours, block.attn, {"": "", "relative_position_bias_table": "position_bias"})
    x_BHWC = torch.randn(2, 8, 12, WIDTH)
    agree(ours(x_BHWC), block._attn(x_BHWC))
    agree(folded(ours)(x_BHWC), block._attn(x_BHWC))


@torch.no_grad()
@pytest.mark.parametrize("reduction", [1, 2])
def test_pooled_attention_is_pvts(reduction: int, x_BCHW: Tensor) -> None:
    timms = randomised(PvtAttention(WIDTH, num_heads=2, sr_ratio=reduction))
    grid = (x_BCHW.shape[2], x_BCHW.shape[3])
    ours = make("pooled_attention", grid, reduction=reduction, dense=True, bias=True)
    take_weights(ours, timms, {"": ""})
    tokens = x_BCHW.flatten(2).transpose(1, 2)
    agree(on_images(ours, x_BCHW).flatten(2).transpose(1, 2), timms(tokens, grid))


@torch.no_grad()
@pytest.mark.parametrize("aggregation", [0, 5])
def test_linear_attention_is_lite_mla(aggregation: int, x_BCHW: Tensor) -> None:
    """Our block has the norm behind the projection."""
    scales = (aggregation,) if aggregation else ()
    timms = randomised(LiteMLA(WIDTH, WIDTH, dim=16, scales=scales))
    ours = make("linear_attention", (8, 8), aggregation=aggregation)
    names = {"qkv.conv.": "attention.qkv.", "proj.conv.": "attention.proj.", "aggreg.0.": "attention.aggregation."}
    take_weights(ours, timms, names, unused=("proj.norm",))
    agree(timms.proj.norm(on_images(ours, x_BCHW)), timms(x_BCHW))
    agree(mixer_with_norm(ours, timms.proj.norm)(x_BCHW), timms(x_BCHW))


@torch.no_grad()
def test_single_head_attention_is_shsa(x_BCHW: Tensor) -> None:
    timms = randomised(SHSA(WIDTH, 16, WIDTH // 4))
    ours = make("single_head_attention", (8, 8))
    names = {
        "pre_norm.": "attention.pre_norm.",
        "qkv.c.": "attention.qkv.conv.",
        "qkv.bn.": "attention.qkv.norm.",
        "proj.1.c.": "attention.proj.",
    }
    take_weights(ours, timms, names, unused=("proj.1.bn",))
    agree(timms.proj[1].bn(on_images(ours, x_BCHW)), timms(x_BCHW))
    agree(folded(mixer_with_norm(ours, timms.proj[1].bn))(x_BCHW), timms(x_BCHW))


@torch.no_grad()
@pytest.mark.parametrize("layer_scale", [None, 0.1])
def test_rep_mixer_is_fastvits_without_its_skip(layer_scale: float | None, x_BCHW: Tensor) -> None:
    timms = randomised(TimmRepMixer(WIDTH, layer_scale_init_value=layer_scale))
    ours = make("rep_mixer", (8, 8))
    names = {
        "mixer.conv_kxk.0.conv.": "branches.conv.conv.",
        "mixer.conv_kxk.0.bn.": "branches.conv.norm.",
        "mixer.conv_scale.conv.": "branches.scale.conv.",
        "mixer.conv_scale.bn.": "branches.scale.norm.",
        "mixer.identity.": "branches.skip.",
        "norm.identity.": "branches.norm.",
    }
    take_weights(ours, timms, names, unused=("layer_scale",))
    gamma = 1.0 if layer_scale is None else timms.layer_scale.gamma.reshape(-1, 1, 1)
    agree(x_BCHW + gamma * on_images(ours, x_BCHW), timms(x_BCHW))
    simple = folded(ours)
    assert sum(weight.numel() for weight in simple.parameters()) == 10 * WIDTH
    assert sum(isinstance(module, nn.Conv2d) for module in simple.modules()) == 1
    expected = timms(x_BCHW)
    timms.reparameterize()
    agree(timms(x_BCHW), expected)
    agree(x_BCHW + gamma * on_images(simple, x_BCHW), expected)


@torch.no_grad()
def test_inception_depthwise_is_inception_nexts(x_BCHW: Tensor) -> None:
    timms = randomised(InceptionDWConv2d(WIDTH))
    ours = make("inception_depthwise", (8, 8), bias=True)
    take_weights(
        ours, timms, {"dwconv_hw": "branches.square", "dwconv_w": "branches.row", "dwconv_h": "branches.column"}
    )
    agree(on_images(ours, x_BCHW), timms(x_BCHW))


@torch.no_grad()
@pytest.mark.parametrize("expansion", [1, 2])
def test_gated_conv_is_mambaouts(expansion: int, x_BCHW: Tensor) -> None:
    """Our block has the norm and the skip."""
    timms = randomised(GatedConvBlock(WIDTH, expansion_ratio=expansion))
    ours = make("gated_conv", (8, 8), expansion=expansion, bias=True)
    take_weights(ours, timms, {"": ""}, unused=("norm",))
    x_BHWC = x_BCHW.permute(0, 2, 3, 1)
    agree(x_BHWC + ours(timms.norm(x_BHWC)), timms(x_BHWC))


@torch.no_grad()
def test_state_space_is_the_hidden_state_mixer(x_BCHW: Tensor) -> None:
    """timm's A is the same for all tokens: it cancels in the softmax over them."""
    timms = randomised(HSMSSD(WIDTH, state_dim=16))
    ours = make("state_space", (8, 8))
    names = {
        "BCdt_proj.conv.": "mixer.bcdt_proj.",
        "dw.conv.": "mixer.dw.",
        "hz_proj.conv.": "mixer.hz_proj.",
        "out_proj.conv.": "mixer.out_proj.",
        "D": "mixer.skip",
    }
    take_weights(ours, timms, names, unused=("A",))
    agree(on_images(ours, x_BCHW), timms(x_BCHW)[0])
