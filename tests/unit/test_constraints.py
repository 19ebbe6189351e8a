"""Constrained spaces: exact counting, sampling and enumeration for any constraints."""

import random
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.architecture import ModelInput
from nas.errors import ParameterError
from nas.space import MixerChoice, SearchSpace, StageChoices
from nas.space.constraint import Constraints, Limit

INPUT = ModelInput(1, 16, 16, 4)
MIXERS = ("pool", "conv", "attention")

limits = st.lists(
    st.one_of(
        st.builds(Limit, st.just("total_depth"), st.integers(0, 4), st.integers(3, 9)),
        st.builds(Limit, st.just("parameters"), st.just(0), st.integers(3_000, 40_000)),
        st.builds(Limit, st.just("macs"), st.just(0), st.integers(300_000, 3_000_000)),
    ),
    max_size=3,
    unique_by=lambda limit: limit.quantity,
)
orders = st.sampled_from(
    [(), (("pool",), ("attention",)), (("conv", "pool"), ("attention",)), (("attention",), ("conv",))]
)


def space(order: tuple[tuple[str, ...], ...] = (), bounds: tuple[Limit, ...] = (), stages: int = 3) -> SearchSpace:
    choices = StageChoices(MIXERS, (1, 2), (8, 16))
    return SearchSpace("constrained", "for tests", (choices,) * stages, constraints=Constraints(order, bounds, INPUT))


@settings(max_examples=25, deadline=None)
@given(order=orders, bounds=limits, seed=st.integers(0, 2**32))
def test_size_members_and_draws_are_those_that_the_constraints_allow(order, bounds, seed) -> None:
    constrained = space(order, tuple(bounds))
    free = space()
    allowed = {architecture.key for architecture in free if constrained.allows(architecture)}
    assert constrained.size == len(allowed)
    listed = [architecture.key for architecture in constrained]
    assert len(listed) == len(set(listed))
    assert set(listed) == allowed
    if allowed:
        assert constrained.sample(random.Random(seed)).key in allowed
    else:
        with pytest.raises(ParameterError, match="no architecture"):
            constrained.sample(random.Random(seed))


def test_draws_are_uniform() -> None:
    constrained = space((("pool",), ("attention",)), (Limit("total_depth", 0, 4),))
    generator = random.Random(0)
    counts: dict[str, int] = {}
    for _ in range(20 * constrained.size):
        key = constrained.sample(generator).key
        counts[key] = counts.get(key, 0) + 1
    assert len(counts) == constrained.size
    # Each is expected 20 times; 60 is 9 standard deviations more.
    assert max(counts.values()) < 60


@pytest.mark.parametrize("stages", [1, 2, 5])
def test_any_number_of_stages(stages: int) -> None:
    constrained = space((("conv",), ("pool",)), (Limit("total_depth", 0, stages + 1),), stages)
    assert constrained.size == sum(1 for _ in constrained) > 0


def test_neighbours_are_allowed_and_differ_in_one_choice() -> None:
    constrained = space((("pool", "conv"), ("attention",)), (Limit("parameters", 0, 20_000),))
    member = constrained.sample(random.Random(3))
    parameters = constrained.encode(member)
    neighbours = list(constrained.neighbours(member))
    assert neighbours
    for other in neighbours:
        assert constrained.allows(other)
        assert sum(value != parameters[name] for name, value in constrained.encode(other).items()) == 1


def test_decoding_a_forbidden_architecture_is_an_error() -> None:
    constrained = space((("pool",), ("attention",)))
    forbidden = next(a for a in space() if a.layout == "APP")
    with pytest.raises(ParameterError, match="APP is outside the constraints"):
        constrained.decode(space().encode(forbidden))


def test_a_space_of_millions_is_counted_under_a_limit_on_cost() -> None:
    choices = StageChoices(("pool", "conv", "attention", "depthwise"), (1, 2, 3), (8, 16, 24))
    large = SearchSpace(
        "large", "for tests", (choices,) * 4, constraints=Constraints((), (Limit("parameters", 0, 30_000),), INPUT)
    )
    assert 0 < large.size < 36**4
    assert all(large.allows(large.sample(random.Random(seed))) for seed in range(20))


@pytest.mark.parametrize(("stages", "choices"), [(1, 2_000), (4, 20), (40, 2)])
def test_too_many_choices_are_not_counted(stages: int, choices: int) -> None:
    numbers = tuple(range(1, choices + 1))
    stage = StageChoices(MIXERS, numbers, numbers)
    endless = SearchSpace("endless", "for tests", (stage,) * stages, constraints=Constraints((("pool",), ("conv",))))
    with pytest.raises(ParameterError, match=f"constraints on {stages} stages of this many choices cannot be counted"):
        _ = endless.size


def test_amounts_beyond_64_bits_are_counted() -> None:
    stage = StageChoices(("pool", "attention"), (1, 1_000), (16_384,))
    limits = (Limit("macs", 0, 10**18),)
    vast = SearchSpace(
        "vast", "for tests", (stage,) * 2, constraints=Constraints((), limits, ModelInput(3, 4_096, 4_096, 10))
    )
    assert 0 < vast.size < 4**2
    assert vast.size == sum(vast.allows(vast.compose(dict(zip(vast.choices, options, strict=True))))
                            for options in product(*vast.choices.values()))  # fmt: skip


def test_options_norms_ratios_and_positions_are_choices() -> None:
    stage = StageChoices(
        (MixerChoice("conv", (("kernel", 3),)), "conv", "pool"),
        (1,),
        (8,),
        mlp_ratios=(2, 4),
        norms=(None, "group"),
        positions=(False, True),
    )
    rich = SearchSpace("rich", "for tests", (stage, stage))
    assert rich.size == (3 * 2 * 2 * 2) ** 2 == len({architecture.key for architecture in rich})
    assert rich.choices["stage1.mixer"] == ("conv(kernel=3)", "conv", "pool")
    for architecture in rich:
        assert rich.decode(rich.encode(architecture)) == architecture
    assert len(list(product(*rich.choices.values()))) == rich.size
