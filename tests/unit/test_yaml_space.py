"""A user's own space: read as meant, every mistake named with its line and key."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from nas.architecture import Architecture
from nas.errors import ParameterError, SpaceFileError
from nas.spaces import load_space

GOOD = """\
schema: 1
name: mine
description: local first
recipe: compact
stages:
  - mixers: [pool, {conv: {kernel: [3, 7]}}]
    depths: [1, 2]
    widths: [16, 24]
  - mixers:
      - attention: {head_dim: [8, 16]}
      - depthwise
    depths: 2
    widths: [32]
    mlp_ratios: [2, 4]
    norms: [layer, group]
    positions: [false, true]
input: {channels: 1, height_px: 16, width_px: 16, classes: 10}
constraints:
  order: [[pool, conv], [attention]]
  total_depth: {min: 3, max: 4}
  parameters: 60000
"""


def write(folder: Path, text: str) -> str:
    file = folder / "space.yaml"
    file.write_text(text)
    return str(file)


def test_a_space_is_read_as_it_is_meant(tmp_path: Path) -> None:
    space = load_space(write(tmp_path, GOOD))
    assert (space.name, space.description, space.recipe) == ("mine", "local first", "compact")
    # kernel 7 is conv's own, layer is the recipe's own norm: both are spelled as nothing.
    assert space.choices["stage1.mixer"] == ("pool", "conv(kernel=3)", "conv")
    assert space.choices["stage2.mixer"] == ("attention(head_dim=8)", "attention(head_dim=16)", "depthwise")
    assert space.choices["stage2.norm"] == ("recipe", "group")
    assert space.constraints.order == (("pool", "conv"), ("attention",))
    assert 0 < space.size <= 3 * 2 * 2 * 3 * 2 * 2 * 2
    assert all(space.decode(space.encode(member)) == member for member in space)


def test_name_and_description_have_defaults(tmp_path: Path) -> None:
    space = load_space(write(tmp_path, "stages: [{mixers: pool, depths: 1, widths: 8}]"))
    assert (space.name, space.size) == ("space", 1)


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("", [":1: the file is empty"]),
        ("stages: [", [":1: not YAML"]),
        ("- pool", [":1: space: is not a mapping"]),
        ("name: x", [":1: space.stages: is missing"]),
        ("stages: []", [":1: stages: is an empty list"]),
        ("stages:\n- {mixers: pool, depths: 1}", [":2: stages[1].widths: is missing"]),
        (
            "stages:\n- {mixers: pool, depths: 1, widths: 8, width: 9}",
            [":2: stages[1].width: unknown key; valid: mixers"],
        ),
        (
            "stages:\n- mixers: magic\n  depths: 1\n  widths: 8",
            [":2: stages[1].mixers: unknown mixer 'magic'; valid: att"],
        ),
        (
            "stages:\n- mixers: [pool, pool]\n  depths: [0, x]\n  widths: [8, 8]",
            [
                ":3: stages[1].depths: 0 is not a whole number",
                ":3: stages[1].depths: 'x' is not a whole number",
                ":4: stages[1].widths: lists a value twice",
                ":2: stages[1].mixers: pool is listed twice",
            ],
        ),
        (
            "stages:\n- mixers:\n  - conv: {kernel: 4}\n  - conv: {size: 3}\n  - conv: {kernel: big}\n"
            "  depths: 1\n  widths: 8",
            [
                ":3: stages[1].mixers: mixer 'conv': kernel 4 is not an odd number",
                ":4: stages[1].mixers: mixer 'conv' has no option 'size'; valid: kernel, expansion",
                ":5: stages[1].mixers: mixer 'conv': kernel 'big' is not of type int",
            ],
        ),
        ("recipe: v9\nstages: [{mixers: pool, depths: 1, widths: 8}]", [":1: recipe: 'v9' is unknown; valid: compact"]),
        ("schema: 9\nstages: [{mixers: pool, depths: 1, widths: 8}]", [":1: schema: 9 is not a whole number"]),
        (
            "stages: [{mixers: pool, depths: 1, widths: 8}]\nconstraints:\n  macs: 10\n  order: [[magic]]\n  depth: 3",
            [
                ":5: constraints.depth: unknown key; valid: order, total_depth, parameters, macs",
                ":4: constraints.order: unknown mixer 'magic'",
                ":3: constraints.macs: needs `input`",
            ],
        ),
        (
            "stages: [{mixers: pool, depths: 1, widths: 8}]\nconstraints:\n  total_depth: {min: 2}",
            [":3: constraints: no architecture keeps them"],
        ),
        (
            "stages: [{mixers: pool, depths: 1, widths: 8, norms: batch}]",
            ["stages[1].norms: 'batch' is unknown; valid: group"],
        ),
        (
            "stages: [{mixers: pool, depths: 1, widths: 8, positions: 3}]",
            ["stages[1].positions: 3 is not true or false"],
        ),
        (
            "stages: [{mixers: pool, depths: 1, widths: 8, mlp_ratios: -1}]",
            ["stages[1].mlp_ratios: -1 is not a number above"],
        ),
        ("a: &a [*a]\nstages: 3", [":1: space.a: unknown key", ":2: stages[1]: is not a mapping"]),
    ],
)
def test_every_mistake_is_named_with_its_line_and_key(text: str, mistakes: list[str], tmp_path: Path) -> None:
    with pytest.raises(SpaceFileError) as raised:
        load_space(write(tmp_path, text))
    found = "\n".join(raised.value.mistakes)
    for mistake in mistakes:
        assert mistake in found
    assert len(raised.value.mistakes) == len(mistakes), found


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"nowhere\.yaml"):
        load_space(str(tmp_path / "nowhere.yaml"))


def test_keys_do_not_depend_on_the_order_of_keys_or_on_the_process(tmp_path: Path) -> None:
    space = load_space(write(tmp_path, GOOD))
    member = space.sample(random.Random(5))
    shuffled = {
        "stages": [dict(reversed(stage.items())) for stage in member.to_dict()["stages"]],
    }
    assert Architecture.from_dict(shuffled).key == member.key
    program = (
        "import random; from nas.spaces import load_space; "
        f"print(load_space({str(tmp_path / 'space.yaml')!r}).sample(random.Random(5)).key)"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == member.key
