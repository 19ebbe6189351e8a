"""Sizes of spaces, and the size that fits a latency limit."""

import dataclasses
import random

import pytest

from nas.architecture import Architecture, Stage
from nas.errors import ParameterError, UnknownNameError
from nas.space import MixerChoice, SearchSpace, StageChoices
from nas.space.constraint import Constraints, Limit
from nas.space.loading import check_space, load_space
from nas.space.size import SIZES, fitting_size, largest_of_each_mixer, scaled, size_hint, sized, with_size
from search_spaces.hybrid import HYBRID as FAMILY
from search_spaces.hybrid_v1 import HYBRID_224_V1, HYBRID_V1


def test_a_size_follows_the_name_of_any_space() -> None:
    large = load_space("hybrid-v1@l")
    assert large.name == "hybrid-v1@l"
    assert large.key not in {HYBRID_V1.key, load_space("hybrid-v1@xl").key}
    assert large.stages[0].widths == (24, 40, 48)
    assert large.stages[2].depths == (2, 3, 4)
    assert large.stages[0].mixers == HYBRID_V1.stages[0].mixers
    member = large.sample(random.Random(0))
    assert large.decode(large.encode(member)) == member


def test_the_declared_size_is_the_space_itself() -> None:
    assert load_space("hybrid-v1@m") is HYBRID_V1
    assert with_size("hybrid", None) == "hybrid"


def test_each_space_of_a_family_is_scaled() -> None:
    large = load_space("hybrid@l")
    assert [space.name for _, space in large.variants] == [f"{space.name}@l" for _, space in FAMILY.variants]
    for _, space in large.variants:
        for start in space.starts:
            assert space.decode(space.encode(start)) == start


def test_a_file_has_sizes_too(tmp_path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nstages:\n  - {mixers: [pool, conv], depths: [1, 2], widths: [16, 32]}\n")
    assert load_space(f"{file}@s").stages[0].widths == (8, 16)
    assert load_space(f"{file}@s").name == "mine@s"


@pytest.mark.parametrize("name", ["hybrid@huge", "hybrid@", "hybrid@l@xl"])
def test_unknown_sizes_are_refused(name) -> None:
    with pytest.raises((ParameterError, UnknownNameError), match=r"size|hybrid@l"):
        check_space(name)


def test_a_size_is_named_once() -> None:
    with pytest.raises(ParameterError, match="--size l"):
        with_size("hybrid@xl", "l")
    with pytest.raises(ParameterError, match="a search alone"):
        load_space("hybrid@auto")


def test_heads_stay_whole() -> None:
    for size in SIZES:
        for stage in sized(HYBRID_224_V1, size).stages:
            assert all(width % 32 == 0 for width in stage.widths)
    mixer = MixerChoice("attention", (("head_dim", 12),))
    space = SearchSpace("mine", "", (StageChoices((mixer,), (1,), (24, 48)),))
    assert scaled(space, 1.5).stages[0].widths == (48, 72)


def test_equal_scaled_widths_are_merged() -> None:
    assert scaled(HYBRID_V1, 0.25).stages[0].widths == (8,)
    assert scaled(HYBRID_V1, 1.0) == HYBRID_V1


def test_stages_without_blocks_and_starts_are_scaled() -> None:
    start = Architecture((Stage("pool", 0, 16), Stage("conv", 2, 32)))
    stages = (StageChoices(("pool", "conv"), (0, 1), (16, 24)), StageChoices(("pool", "conv"), (1, 2), (32,)))
    large = scaled(SearchSpace("mine", "", stages, starts=(start,)), 1.5, deeper=1)
    assert large.stages[0].depths == (0, 2)
    assert large.encode(large.starts[0])["stage2.depth"] == 3


def test_the_largest_members_use_each_mixer_throughout() -> None:
    members = list(largest_of_each_mixer(HYBRID_V1))
    assert [member.layout for member in members] == ["PPPP", "CCCC", "AAAA"]
    assert [stage.depth for stage in members[0].stages] == [2, 2, 3, 2]
    assert members[0].stages[-1].width == 96


def test_where_constraints_forbid_the_largest_members_smaller_ones_are_yielded() -> None:
    bounded = dataclasses.replace(HYBRID_V1, constraints=Constraints(limits=(Limit("total_depth", 0, 5),)))
    assert all(bounded.allows(member) for member in largest_of_each_mixer(bounded))


def test_the_hint_names_the_next_size() -> None:
    assert size_hint(1.17, 3.0, None) == (
        "the slowest member takes 1.2 ms, 39% of --max-latency 3 ms: `--size l` searches larger networks"
    )
    assert "`--size xl`" in (size_hint(1.17, 3.0, "l") or "")
    assert "no size is larger" in (size_hint(1.17, 3.0, "xl") or "")
    assert size_hint(2.9, 3.0, None) is None


@pytest.mark.parametrize(
    ("limit", "size", "calls"),
    [
        (None, "m", []),
        (0.5, "s", ["m", "s"]),
        (1.5, "m", ["m", "s"]),
        (3.0, "l", ["m", "l"]),
        (9.0, "xl", ["m", "l", "xl"]),
    ],
)
def test_auto_takes_the_smallest_size_that_reaches_the_limit(limit, size, calls) -> None:
    slowest = {"s": 1.0, "m": 2.0, "l": 4.0, "xl": 8.0}
    measured_sizes: list[str] = []

    def measured(name: str) -> float:
        measured_sizes.append(name)
        return slowest[name]

    assert fitting_size(measured, limit) == size
    assert measured_sizes == calls
