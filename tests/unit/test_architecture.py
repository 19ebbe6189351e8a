"""Architectures are canonical data: equal networks have equal JSON and equal keys."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.architecture import Architecture, ModelInput, Stage
from nas.errors import ParameterError
from tests.builders import architectures


@given(architectures)
def test_dictionary_and_back(architecture: Architecture) -> None:
    assert Architecture.from_dict(json.loads(architecture.canonical_json)) == architecture


@given(architectures, st.randoms())
def test_key_does_not_depend_on_the_order_of_keys_or_the_kind_of_number(architecture: Architecture, generator) -> None:
    data = architecture.to_dict()
    for stage in data["stages"]:
        items = [(name, float(value) if isinstance(value, int) else value) for name, value in stage.items()]
        generator.shuffle(items)
        stage.clear()
        stage.update(items)
    assert Architecture.from_dict(data).key == architecture.key


@given(architectures, architectures)
def test_different_networks_have_different_keys(one: Architecture, other: Architecture) -> None:
    assert (one.key == other.key) == (one == other)


def test_key_does_not_depend_on_the_process() -> None:
    architecture = Architecture((Stage("pool", 1, 16), Stage("attention", 2, 32)))
    program = (
        "from nas.architecture import *;print(Architecture((Stage('pool', 1, 16), Stage('attention', 2, 32))).key)"
    )
    for hash_seed in ("1", "2"):
        printed = subprocess.check_output([sys.executable, "-c", program], env={"PYTHONHASHSEED": hash_seed}, text=True)
        assert printed.strip() == architecture.key


def test_is_hashable_and_frozen() -> None:
    architecture = Architecture((Stage("pool", 1, 16),))
    assert {architecture: 1}[Architecture((Stage("pool", 1, 16),))] == 1
    with pytest.raises(AttributeError):
        architecture.stages = ()


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({}, "stages"),
        ({"stages": []}, "at least one stage"),
        ({"stages": "pool"}, "not a list"),
        ({"stages": [{"mixer": "pool", "depth": 1}]}, "width"),
        ({"stages": [{"mixer": "pool", "depth": -1, "width": 8}]}, "depth -1"),
        ({"stages": [{"mixer": "pool", "depth": True, "width": 8}]}, "depth True"),
        ({"stages": [{"mixer": "pool", "depth": 1.5, "width": 8}]}, "depth 1.5"),
        ({"stages": [{"mixer": "", "depth": 1, "width": 8}]}, "mixer ''"),
        ({"stages": [{"mixer": "pool", "depth": 1, "width": 8, "colour": 1}]}, "colour"),
        ({"stages": [3]}, "not a mapping"),
    ],
)
def test_invalid_data_is_named_in_the_error(data: dict, named: str) -> None:
    with pytest.raises(ParameterError, match=named):
        Architecture.from_dict(data)


def test_layout_has_a_letter_per_stage() -> None:
    mixers = ("pool", "conv", "attention", "attention")
    assert Architecture(tuple(Stage(mixer, 1, 32) for mixer in mixers)).layout == "PCAA"


def test_input_rejects_numbers_that_are_not_positive() -> None:
    with pytest.raises(ParameterError, match="classes 0"):
        ModelInput(3, 32, 32, 0)
    assert ModelInput(3, 32, 24, 10).resized(64) == ModelInput(3, 64, 64, 10)


def test_a_stage_of_absurdly_many_blocks_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"^stage depth 1000000 is above 1000$"):
        Stage("pool", 10**6, 16)
