"""A space is one declaration that decoding, encoding, neighbours and size all agree on."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas import plugins
from nas.errors import ParameterError
from nas.samplers.distributions import distributions
from nas.space import SearchSpace, StageChoices
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
    parameters = space.encode(architecture)
    neighbours = list(space.neighbours(architecture))
    assert len({neighbour.key for neighbour in neighbours}) == len(neighbours)
    assert len(neighbours) == sum(len(options) - 1 for options in space.choices.values())
    for neighbour in neighbours:
        other = space.encode(neighbour)
        assert sum(other[name] != parameters[name] for name in parameters) == 1


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


def test_hybrid_has_four_stages_of_three_mixers() -> None:
    hybrid = plugins.load(plugins.SPACES, "hybrid")
    assert [tuple(map(str, stage.mixers)) for stage in hybrid.stages] == [("pool", "conv", "attention")] * 4
    assert hybrid.size == 157_464


def test_what_is_no_member_is_named() -> None:
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
    assert [architecture.word for architecture in smallest] == ["PP", "CC", "AA"]
    assert all(stage.depth == 1 for architecture in smallest for stage in architecture.stages)


def test_sampling_is_the_callers_generator() -> None:
    space = SPACES[0]
    assert space.sample(random.Random(7)) == space.sample(random.Random(7))
