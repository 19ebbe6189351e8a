"""From an architecture to a network that runs, at any input that the stages bear."""

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nas import plugins
from nas.architecture import Architecture, Cost, ModelInput, Stage
from nas.errors import ParameterError, UnknownNameError, UserError
from search_spaces.cost import cost, part_cost
from search_spaces.families import FAMILIES
from search_spaces.hybrid_v1 import HYBRID_224_V1, HYBRID_V1
from search_spaces.memory import peak_memory
from search_spaces.metaformer import METAFORMER
from search_spaces.model import build, canonical

POOL = Architecture(tuple(Stage("pool", 1, width) for width in (64, 128, 320, 512)))


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([(9, 9), (10, 10), (16, 24), (28, 28), (33, 20)]))
def test_every_sampled_architecture_builds_and_runs(seed: int, size: tuple[int, int]) -> None:
    architecture = METAFORMER.sample(random.Random(seed))
    model = build(architecture, ModelInput(3, *size, 7))
    logits = model(torch.randn(2, 3, *size))
    assert logits.shape == (2, 7)
    assert torch.isfinite(logits).all()


def test_every_parameter_of_a_mixed_network_gets_a_gradient() -> None:
    architecture = Architecture((Stage("pool", 1, 16), Stage("conv", 1, 24), Stage("attention", 2, 32)))
    model = build(architecture, ModelInput(1, 16, 16, 4))
    model(torch.randn(2, 1, 16, 16)).sum().backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []


def test_peak_memory_is_weights_and_live_activations() -> None:
    at = ModelInput(1, 28, 28, 10)
    shallow, deep = (Architecture((Stage("pool", depth, 32), Stage("pool", 1, 48))) for depth in (2, 6))
    alive = [peak_memory(network, at) - 4 * cost(network, at).parameters for network in (shallow, deep)]
    # Activations of a block are gone when the next one runs.
    assert alive[0] == alive[1]
    # The widest moment is the channel MLP's: 4 times the width, in and out of its activation.
    tokens_bytes = 7 * 7 * 32 * 4
    assert 8 * tokens_bytes <= alive[0] <= 20 * tokens_bytes


def test_peak_memory_of_attention_is_that_of_a_fused_one() -> None:
    """As torch runs it: no matrix of tokens by tokens is alive."""
    at = ModelInput(3, 224, 224, 10)
    pool, attention = (peak_memory(Architecture((Stage(mixer, 1, 32),)), at) for mixer in ("pool", "attention"))
    tokens = 56 * 56
    assert attention - pool < tokens * tokens * 4 / 10


@pytest.mark.parametrize(
    ("size", "stride"), [(9, 1), (16, 1), (17, 2), (28, 2), (32, 2), (33, 2), (36, 4), (64, 4), (224, 4)]
)
def test_stem_stride_follows_the_input(size: int, stride: int) -> None:
    # Kernel 7 with the published padding.
    side = {4: size // 4, 2: (size + 1) // 2, 1: size}[stride]
    assert FAMILIES["compact"].grids(POOL, ModelInput(3, size, size, 10))[0] == (side, side)


@pytest.mark.parametrize("size", [9, 11, 16, 17, 32, 33, 50, 64, 224])
def test_no_grid_falls_below_two(size: int) -> None:
    model = build(POOL, ModelInput(1, size, size, 10))
    grids = []
    for stage in model.stages:
        stage.register_forward_hook(lambda module, args, out: grids.append(tuple(out.shape[1:3])))
    model(torch.randn(1, 1, size, size))
    assert len(grids) == 4
    assert min(min(grid) for grid in grids) >= 2


def test_an_input_that_is_too_small_is_named() -> None:
    with pytest.raises(ParameterError, match="8x8 px is too small for 4 stages: at least 9x9 px"):
        build(POOL, ModelInput(1, 8, 8, 10))


def test_an_unknown_mixer_is_named_with_the_valid_ones() -> None:
    with pytest.raises(UnknownNameError, match="unknown mixer 'magic'; valid: attention, conv, dense_conv, depthwise"):
        build(Architecture((Stage("magic", 1, 32),)), ModelInput(1, 16, 16, 10))


def test_parameters_follow_the_published_closed_form() -> None:
    """A v2 block has 8d^2 + 2d + 2 parameters, 2d more with ResScale; SepConv adds 4d^2 + 98d + 2, attention 4d^2."""
    mixers = {"pool": lambda d: 0, "conv": lambda d: 4 * d * d + 98 * d + 2, "attention": lambda d: 4 * d * d}
    for mixer, own in mixers.items():
        for stages, scaled in ((1, False), (3, True)):
            d = 64
            one, two = (
                cost(
                    Architecture((*(Stage("pool", 1, d),) * (stages - 1), Stage(mixer, depth, d))),
                    ModelInput(3, 32, 32, 10),
                ).parameters
                for depth in (1, 2)
            )
            assert two - one == 8 * d * d + 2 * d + 2 + own(d) + (2 * d if scaled else 0)


def test_the_large_space_builds_at_224_px() -> None:
    assert cost(next(iter(HYBRID_224_V1)), ModelInput(3, 224, 224, 1000)).parameters > 5_000_000


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([(10, 10), (33, 20), (64, 64)]))
def test_costs_of_parts_add_up(seed: int, size: tuple[int, int]) -> None:
    architecture = METAFORMER.sample(random.Random(seed))
    model_input = ModelInput(3, *size, 7)
    parts = (part_cost(architecture, index, model_input) for index in range(4))
    assert sum(parts, start=Cost(0, 0, 0)) == cost(architecture, model_input)


def test_cost_counts_what_is_built() -> None:
    architecture = Architecture((Stage("random", 1, 16), Stage("spatial_mlp", 2, 32)), "v1")
    model = build(architecture, ModelInput(1, 16, 16, 4))
    sizes = [(weight.numel(), weight.requires_grad) for weight in model.parameters()]
    counted = cost(architecture, ModelInput(1, 16, 16, 4))
    assert counted.parameters == sum(size for size, learned in sizes if learned)
    assert counted.frozen == sum(size for size, learned in sizes if not learned) > 0


@pytest.mark.parametrize(
    ("stage", "recipe", "message"),
    [
        (Stage("conv", 1, 8, options={"kernel": 4}), "compact", "kernel 4 is not an odd number"),
        (Stage("conv", 1, 8, options={"size": 3}), "compact", "no option 'size'; valid: kernel, expansion"),
        (Stage("conv", 1, 8, options={"kernel": "big"}), "compact", "kernel 'big' is not of type int"),
        (Stage("pool", 1, 8, norm="batch"), "compact", "unknown norm 'batch'; valid: group, layer"),
        (Stage("pool", 1, 8), "v9", "unknown recipe 'v9'; valid: compact, conv, plain, v1, v2"),
    ],
)
def test_an_architecture_that_cannot_be_built_is_named(stage: Stage, recipe: str, message: str) -> None:
    for use in (lambda architecture: build(architecture, ModelInput(1, 16, 16, 10)), canonical):
        if "odd" in message and use is canonical:
            continue
        with pytest.raises(UserError, match=message):
            use(Architecture((stage,), recipe))


def test_one_network_has_one_canonical_form() -> None:
    explicit = Architecture((Stage("conv", 1, 8, options={"kernel": 7, "expansion": 3}, norm="layer"),))
    assert canonical(explicit) == Architecture((Stage("conv", 1, 8, options={"expansion": 3}),))
    v1 = Architecture((Stage("attention", 1, 32, options={"proj_bias": True}),), "v1")
    assert canonical(v1) == Architecture((Stage("attention", 1, 32),), "v1")
    unlike_v1 = Architecture((Stage("attention", 1, 32, options={"proj_bias": False}),), "v1")
    assert canonical(unlike_v1) == unlike_v1


def test_same_seed_same_network() -> None:
    outputs = []
    for _ in range(2):
        torch.manual_seed(5)
        outputs.append(build(HYBRID_V1.sample(random.Random(1)), ModelInput(1, 10, 10, 10))(torch.ones(1, 1, 10, 10)))
    assert torch.equal(*outputs)


def test_mixers_are_found_as_plug_ins() -> None:
    assert {"attention", "conv", "pool", "identity", "random", "fourier"} <= set(plugins.names(plugins.MIXERS))
