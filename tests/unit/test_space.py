"""Spaces: decoding, encoding, neighbours and size agree on one declaration."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas import plugins
from nas.architecture import ModelInput
from nas.errors import ParameterError
from nas.samplers.distributions import distributions
from nas.space import SearchSpace, StageChoices
from search_spaces.cost import cost
from search_spaces.model import canonical
from tests.builders import small_space

SPACES = [plugins.load(plugins.SPACES, name) for name in plugins.names(plugins.SPACES)]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@given(seed=st.integers(0, 2**32))
def test_decode_and_encode_are_inverse(space: SearchSpace, seed: int) -> None:
    architecture = space.sample(random.Random(seed))
    parameters = space.encode(architecture)
    assert space.decode(parameters) == architecture
    assert space.encode(space.decode(parameters)) == parameters


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@given(seed=st.integers(0, 2**32))
def test_neighbours_differ_in_one_choice_and_are_members(space: SearchSpace, seed: int) -> None:
    architecture = space.sample(random.Random(seed))
    neighbours = list(space.neighbours(architecture))
    assert len({neighbour.key for neighbour in neighbours}) == len(neighbours)
    empty = {f"stage{number}" for number, stage in enumerate(architecture.stages, start=1) if not stage.depth}
    expected = sum(
        len(options) - 1
        for name, options in space.choices.items()
        if name.partition(".")[0] not in empty or name.partition(".")[2] not in ("mixer", "mlp_ratio", "depth")
    )
    for stage in empty:
        # The first blocks of a stage come with any mixer and MLP ratio.
        lengths = [len(space.choices.get(f"{stage}.{field}", ("",))) for field in ("mixer", "mlp_ratio")]
        expected += (len(space.choices[f"{stage}.depth"]) - 1) * lengths[0] * lengths[1]
    assert len(neighbours) == expected
    assert architecture not in neighbours
    assert architecture in space.neighbours(random.Random(seed).choice(neighbours))


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_distributions_offer_exactly_the_choices(space: SearchSpace) -> None:
    for name, distribution in distributions(space).items():
        offered = {distribution.to_external_repr(distribution.to_internal_repr(o)) for o in space.choices[name]}
        assert offered == set(space.choices[name])
        if hasattr(distribution, "step"):
            assert len(space.choices[name]) == (distribution.high - distribution.low) // distribution.step + 1


def test_size_counts_distinct_architectures() -> None:
    space = small_space()
    members = {architecture.key for architecture in space}
    assert len(members) == space.size == 36


def test_stages_without_blocks_are_counted_drawn_and_listed_once() -> None:
    stage = StageChoices(("pool", "conv"), (0, 1), (8, 16), mlp_ratios=(0, 2))
    space = SearchSpace("gaps", "stages may have no blocks", (stage, stage), "plain")
    members = list(space)
    # Two widths without blocks, and two mixers, ratios and widths with one.
    assert space.size == (2 + 8) ** 2 == len(members) == len(set(members))
    generator = random.Random(0)
    drawn = Counter(space.sample(generator).stages[0].depth for _ in range(4000))
    assert drawn[0] / 4000 == pytest.approx(0.2, abs=0.03)


def test_spaces_of_the_first_version_keep_their_identity() -> None:
    """Stored studies refer to a space by its key; these are the recorded ones."""
    keys = {"hybrid-v1": "78467f1bef37", "hybrid-224-v1": "d1ebd5cf36ee", "metaformer": "7d07a026da0e"}
    assert {name: plugins.load(plugins.SPACES, name).key for name in keys} == keys
    hybrid = plugins.load(plugins.SPACES, "hybrid-v1")
    assert [tuple(map(str, stage.mixers)) for stage in hybrid.stages] == [("pool", "conv", "attention")] * 4
    assert hybrid.size == 157_464


@pytest.mark.parametrize("size_px", [8, 12, 13, 14, 16, 17, 28, 32, 40, 41, 64, 80, 81, 96, 160, 161, 224])
def test_hybrid_selects_the_variant_for_the_image_size(size_px: int) -> None:
    """Every stem leaves the last stage a grid, and plain convolutional networks are members and starts."""
    model_input = ModelInput(3, size_px, size_px, 10)
    space = plugins.load(plugins.SPACES, "hybrid").for_pictures(model_input)
    for blueprint in space.blueprint.members():
        first = next(iter(space))
        assert cost(replace(first, blueprint=blueprint), model_input).parameters
    assert len(space.starts) >= 6
    for start in space.starts:
        assert space.decode(space.encode(start)) == start
        assert canonical(start) == start
    if size_px == 32:
        widths = [[stage.width for stage in start.stages] for start in space.starts if start.layout == "-DD-"]
        assert [24, 48, 96, 128] in widths


def test_a_non_member_is_named_in_the_error() -> None:
    space = small_space()
    member = next(iter(space))
    parameters = space.encode(member)
    with pytest.raises(ParameterError, match=r"stage1\.width 7 is not one of 32"):
        space.decode(parameters | {"stage1.width": 7})
    with pytest.raises(ParameterError, match=r"stage2\.depth"):
        space.decode({name: value for name, value in parameters.items() if name != "stage2.depth"})
    with pytest.raises(ParameterError):
        space.encode(plugins.load(plugins.SPACES, "hybrid").sample(random.Random(0)))


def test_choices_must_be_distinct_and_present() -> None:
    with pytest.raises(ParameterError, match="depths"):
        StageChoices(("pool",), (), (32,))
    with pytest.raises(ParameterError, match="widths"):
        StageChoices(("pool",), (1,), (32, 32))


def test_smallest_of_each_mixer() -> None:
    smallest = list(small_space().smallest_of_each_mixer())
    assert [architecture.layout for architecture in smallest] == ["PP", "CC", "AA"]
    assert all(stage.depth == 1 for architecture in smallest for stage in architecture.stages)


def test_sampling_uses_the_callers_generator() -> None:
    space = SPACES[0]
    assert space.sample(random.Random(7)) == space.sample(random.Random(7))
