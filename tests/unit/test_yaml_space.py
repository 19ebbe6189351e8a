"""A user's own space is read as meant, and every mistake is named with its line and key."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from nas.architecture import Architecture
from nas.errors import ParameterError, SpaceFileError
from nas.space.loading import load_space

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
    # Kernel 7 is conv's default, layer is the recipe's norm: neither appears in a choice's label.
    assert space.choices["stage1.mixer"] == ("pool", "conv(kernel=3)", "conv")
    assert space.choices["stage2.mixer"] == ("attention(head_dim=8)", "attention(head_dim=16)", "depthwise")
    assert space.choices["stage2.norm"] == ("recipe", "group")
    assert space.constraints.order == (("pool", "conv"), ("attention",))
    assert 0 < space.size <= 3 * 2 * 2 * 3 * 2 * 2 * 2
    assert all(space.decode(space.encode(member)) == member for member in space)


def test_a_blueprint_is_a_part_of_the_space(tmp_path: Path) -> None:
    text = """
recipe: plain
blueprint:
  stems: [{kernel: 3, stride: 1}, {kernel: 3, stride: 2, convs: 2}, {kernel: 4, stride: 4}]
  downsamples: [conv, patch]
  norms: batch
  activations: [relu, hard_swish]
  blocks: [plain, residual]
stages:
  - {mixers: [dense_conv, pool], depths: [0, 1], widths: [16, 24], mlp_ratios: [0, 2]}
  - {mixers: [{inverted_bottleneck: {squeeze: [false, true]}}], depths: 1, widths: 32, mlp_ratios: 0}
input: {channels: 3, height_px: 32, width_px: 32, classes: 10}
constraints: {parameters: {max: 50000}}
"""
    space = load_space(write(tmp_path, text))
    assert space.choices["stem"] == ("3x3/1", "2*3x3/2", "4x4/4")
    # The recipe's default has the label `recipe`, so that a network has one key.
    assert space.choices["activation"] == ("recipe", "hard_swish")
    assert "norm" not in space.choices
    assert space.choices["stage2.mixer"] == ("inverted_bottleneck", "inverted_bottleneck(squeeze=True)")
    members = list(space)
    assert len(members) == len(set(members)) == space.size
    assert all(space.decode(space.encode(member)) == member for member in members)


def test_name_and_description_have_defaults(tmp_path: Path) -> None:
    space = load_space(write(tmp_path, "stages: [{mixers: pool, depths: 1, widths: 8}]"))
    assert (space.name, space.size) == ("space", 1)


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("", [":1: the file is empty"]),
        (
            "recipe: plain\nblueprint:\n  stems: [{kernel: 3, stride: 4}, {kernel: 3}]\n  norms: [batch, instance]\n"
            "  colours: red\nstages:\n- {mixers: pool, depths: 1, widths: 8}",
            [
                ":3: blueprint.stems: stem kernel 3 is below a convolution's stride 4",
                ":3: blueprint.stems.stride: is missing",
                ":4: blueprint.norms: unknown norm 'instance'; valid: batch, group, layer, rms",
                ":5: blueprint.colours: unknown key; valid: stems",
            ],
        ),
        (
            "blueprint: {norms: batch}\nstages:\n- {mixers: pool, depths: 1, widths: 8}",
            [":1: blueprint.norms: blueprint norm: a published recipe has its own"],
        ),
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
            "stages:\n- mixers: [pool, pool]\n  depths: [-1, x]\n  widths: [8, 8]",
            [
                ":3: stages[1].depths: -1 is not a whole number",
                ":3: stages[1].depths: 'x' is not a whole number",
                ":4: stages[1].widths: 8 is listed twice",
                ":2: stages[1].mixers: pool is listed twice",
            ],
        ),
        (
            "stages:\n- mixers:\n  - conv: {kernel: 4}\n  - conv: {size: 3}\n  - conv: {kernel: big}\n"
            "  depths: 1\n  widths: 8",
            [
                ":3: stages[1].mixers.conv.kernel: mixer 'conv': kernel 4 is not an odd number",
                ":4: stages[1].mixers.conv.size: unknown key; valid: kernel, expansion",
                ":5: stages[1].mixers.conv.kernel: mixer 'conv': kernel 'big' is not of type int",
            ],
        ),
        ("recipe: v9\nstages: [{mixers: pool, depths: 1, widths: 8}]", [":1: recipe: 'v9' is unknown; valid: compact"]),
        (
            "schema: 9\nstages: [{mixers: pool, depths: 1, widths: 8}]",
            [":1: schema: 9 is newer than this program, which reads schema 1"],
        ),
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
            [":3: constraints.total_depth: no architecture satisfies it"],
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
            ["stages[1].mlp_ratios: -1 is not a number of at least 0"],
        ),
        ("a: &a [*a]\nstages: 3", [":1: space.a: unknown key", ":2: stages[1]: is not a mapping"]),
    ],
)
def test_every_mistake_is_named_with_its_line_and_key(text: str, mistakes: list[str], tmp_path: Path) -> None:
    with pytest.raises(SpaceFileError) as raised:
        load_space(write(tmp_path, text))
    message = "\n".join(raised.value.mistakes)
    for mistake in mistakes:
        assert mistake in message
    assert len(raised.value.mistakes) == len(mistakes), message


STAGE = "stages: [{mixers: [pool, conv], depths: [1, 2], widths: 8}]\n"
MANY = f"{{kernel: %s, expansion: {list(range(1, 31))}}}"
SQUARE = "input: {channels: 1, height_px: 8, width_px: 8, classes: 2}\n"


def stage(field: str, value: str) -> str:
    """A file of one stage whose `field` stands on line 3."""
    others = {"depths": "1", "widths": "8", "mixers": "pool"}
    others.pop(field, None)
    return "\n".join(["stages:", "-", f"  {field}: {value}", *(f"  {name}: {it}" for name, it in others.items())])


@pytest.mark.parametrize(
    ("text", "line", "key", "what"),
    [
        # One mistake, one message.
        (STAGE + "description: [a]", 2, "description", "is a list, not a single value"),
        (stage("mixers", "[pool, {attention: 3}, attention]"), 3, "stages[1].mixers.attention", "is not a mapping of"),
        (stage("mixers", "[magic: {kernel: [1, 2]}]"), 3, "stages[1].mixers", "unknown mixer 'magic'"),
        (
            STAGE + "input: {channels: x, height_px: 8, width_px: 8, classes: 2}\nconstraints: {macs: 3}",
            2,
            "input.channels",
            "'x' is not a whole number",
        ),
        # Tags.
        (STAGE + "name: !foo a", 2, "name", "tag !foo is unknown; leave it out"),
        (STAGE + "? !foo name\n: a", 2, "space.name", "tag !foo is unknown"),
        ("stages: !foo [{mixers: pool, depths: 1, widths: 8}]", 1, "stages", "tag !foo is unknown"),
        ("stages: [!!python/name:os.system {mixers: pool, depths: 1, widths: 8}]", 1, "stages[1]", "tag !!python"),
        (stage("mixers", "[!foo {conv: {kernel: 3}}]"), 3, "stages[1].mixers", "tag !foo is unknown"),
        (STAGE + "input: !foo 3", 2, "input", "tag !foo is unknown"),
        (stage("depths", "!!int x"), 3, "stages[1].depths", "x is not of type int"),
        (stage("positions", "!!bool maybe"), 3, "stages[1].positions", "maybe is not of type bool"),
        # Keys.
        (STAGE + "? [a]\n: 3", 2, "space", "a list stands in place of a key"),
        (STAGE + "? {a: 1}\n: 3", 2, "space", "a mapping stands in place of a key"),
        (STAGE + '"a\\nb": 3', 2, r"space.a\nb", "unknown key"),
        (stage("mixers", "[[pool]]"), 3, "stages[1].mixers", "a mixer is a name, or one name with its options"),
        (stage("mixers", "[identity: {size: 3}]"), 3, "stages[1].mixers.identity.size", "unknown key; valid: none"),
        # Schema.
        ("schema: 2\n" + STAGE, 1, "schema", "2 is newer than this program, which reads schema 1"),
        ("schema: 1.0\n" + STAGE, 1, "schema", "1.0 is not a whole number"),
        ("schema: '1'\n" + STAGE, 1, "schema", "'1' is not a whole number"),
        ("schema: 0\n" + STAGE, 1, "schema", "0 is not a whole number of at least 1"),
        # Names.
        *(
            (STAGE + f"name: {name}", 2, "name", what)
            for name, what in (
                ("a/b", "'a/b' is not a name"),
                ('"a\\nb"', r"'a\nb' is not a name"),
                ("''", "'' is not a name"),
                ("' a'", "' a' is not a name"),
                ("[a]", "is a list"),
                ("12", "12 is not text; in quotes it is"),
                ("", "nothing is not text"),
                ("hybrid", "'hybrid' is the name of an installed space"),
            )
        ),
        (STAGE + 'description: "a\\eb"', 2, "description", "has characters that cannot be printed"),
        # Numbers.
        (stage("depths", "1001"), 3, "stages[1].depths", "1001 is not a whole number of at least 0 and at most 1,000"),
        (stage("widths", "9" * 5000), 3, "stages[1].widths", "... is not of type int"),
        (stage("widths", "20000"), 3, "stages[1].widths", "at most 16,384"),
        (stage("widths", f"[{', '.join(map(str, range(1, 102)))}]"), 3, "stages[1].widths", "lists 101 values"),
        (
            stage("mlp_ratios", "1.0e+9"),
            3,
            "stages[1].mlp_ratios",
            "1.0e+9 is not a number of at least 0 and at most 100",
        ),
        (stage("mlp_ratios", "1e-9"), 3, "stages[1].mlp_ratios", "'1e-9' is text to YAML; write 1.0e-9"),
        (stage("mlp_ratios", "2.5E9"), 3, "stages[1].mlp_ratios", "write 2.5e+9"),
        (stage("mlp_ratios", ".nan"), 3, "stages[1].mlp_ratios", ".nan is not a number of at least 0"),
        (stage("mixers", "[conv: {kernel: 999999}]"), 3, "stages[1].mixers.conv.kernel", "parameters at width 8"),
        (stage("mixers", f"[conv: {{kernel: 1{'0' * 20}1}}]"), 3, "stages[1].mixers.conv.kernel", "at most 1,000,000"),
        (
            stage("mixers", f"[conv: {{kernel: {list(range(1, 80, 2))}, expansion: {list(range(1, 40))}}}]"),
            3,
            "stages[1].mixers",
            "'conv' has 1,560 combinations of options",
        ),
        ("stages:" + "\n- {mixers: pool, depths: 1, widths: 8}" * 13, 1, "stages", "lists 13 values; at most 12"),
        (
            stage("mixers", f"[conv: {MANY % list(range(1, 41, 2))}, conv: {MANY % list(range(41, 81, 2))}]"),
            3,
            "stages[1].mixers",
            "a stage has at most 1,000 mixers",
        ),
        # Input and constraints.
        (
            "input: {channels: 1, height_px: 8,\n  width_px: 4, classes: 2}\n"
            f"stages: [{', '.join(['{mixers: pool, depths: 1, widths: 8}'] * 4)}]",
            2,
            "input.width_px",
            "input size 8x4 px is too small for 4 stages: at least 9x9 px",
        ),
        (STAGE + "input: {channels: 1, height_px: 8, width_px: 9999, classes: 2}", 2, "input.width_px", "most 4,096"),
        (
            f"stages: [{', '.join(['{mixers: [pool, conv], depths: [1, 2, 3, 4], widths: [8, 9]}'] * 12)}]\n"
            "constraints:\n  total_depth: 30",
            2,
            "constraints",
            "constraints on 12 stages of this many choices cannot be counted",
        ),
        (
            STAGE + "constraints:\n  order: [[pool], [conv]]\n  total_depth: {min: 2, max: 1}",
            4,
            "constraints.total_depth",
            "min 2 is above max 1",
        ),
        (
            STAGE + "constraints:\n  total_depth:\n    min: 3",
            3,
            "constraints.total_depth",
            "no architecture satisfies it",
        ),
        (
            STAGE + SQUARE + "constraints:\n  parameters: 10",
            4,
            "constraints.parameters",
            "no architecture satisfies it",
        ),
        (
            STAGE + SQUARE + "constraints:\n  total_depth: {min: 2}\n  parameters: 1200",
            3,
            "constraints",
            "no architecture satisfies all of them",
        ),
        (STAGE + "constraints:\n  total_depth: {}", 3, "constraints.total_depth", "is empty; write min, max or both"),
        (STAGE + "constraints:\n  total_depth: {max: 1.0e+30}", 3, "constraints.total_depth.max", "at most 1e+18"),
        (STAGE + "constraints:\n  order: []", 3, "constraints.order", "is an empty list"),
        (
            STAGE + "constraints:\n  order:\n  - [pool]\n  - [attention]",
            5,
            "constraints.order",
            "no stage has mixer 'attention'; valid: conv, pool",
        ),
        (STAGE + "constraints:\n  order:\n  - [pool]\n  - [pool]", 5, "constraints.order", "'pool' is listed twice"),
    ],
)
def test_a_mistake_is_one_line_with_its_line_and_key(text: str, line: int, key: str, what: str, tmp_path: Path) -> None:
    with pytest.raises(SpaceFileError) as raised:
        load_space(write(tmp_path, text))
    (mistake,) = raised.value.mistakes
    assert mistake.startswith(f"{tmp_path / 'space.yaml'}:{line}: {key}: ")
    assert what in mistake
    assert mistake.isprintable()
    assert "Node" not in mistake


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"[" * 5000, ":1: not YAML: lists or mappings are nested too deeply"),
        (b'name: "\\UFFFFFFFF"', ":1: not YAML: an escape is not a character"),
        (b"name: a\nstages: \0", ":2: not YAML: character #x00 is not allowed"),
        (b"name: a\nstages: \xff", ":2: not YAML: the file is not text in UTF-8"),
        (b"a: 1\n---\nb: 1", ":2: not YAML: expected a single document in the stream"),
        (b"a: *b", ":1: not YAML: found undefined alias 'b'"),
    ],
)
def test_a_file_that_is_not_yaml_is_named_with_its_line(content: bytes, where: str, tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_bytes(content)
    with pytest.raises(SpaceFileError) as raised:
        load_space(str(tmp_path / "space.yaml"))
    (mistake,) = raised.value.mistakes
    assert mistake.startswith(f"{tmp_path / 'space.yaml'}{where}")


def test_mistakes_stand_in_the_order_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(SpaceFileError) as raised:
        load_space(write(tmp_path, "input: 1\nstages:\n- mixers: magic\n  widths: 0\n  depths: x\nschema: 2"))
    assert [mistake.split(":")[1] for mistake in raised.value.mistakes] == ["1", "3", "4", "5", "6"]


def test_a_name_may_not_come_from_the_file_of_an_installed_space(tmp_path: Path) -> None:
    (tmp_path / "hybrid.yaml").write_text(STAGE)
    with pytest.raises(SpaceFileError, match=r"hybrid\.yaml:1: name: 'hybrid', from the file's name, is the name of"):
        load_space(str(tmp_path / "hybrid.yaml"))


@pytest.mark.timeout(30)
def test_a_file_that_is_not_regular_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "device.yaml").symlink_to("/dev/zero")
    (tmp_path / "folder.yaml").mkdir()
    for name in ("pipe.yaml", "device.yaml", "folder.yaml"):
        with pytest.raises(ParameterError, match=f"{name}' is not a regular file"):
            load_space(str(tmp_path / name))


def test_an_enormous_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "space.yaml").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(ParameterError, match=r"space\.yaml' is larger than 256 KiB"):
        load_space(str(tmp_path / "space.yaml"))


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
        "import random; from nas.space.loading import load_space; "
        f"print(load_space({str(tmp_path / 'space.yaml')!r}).sample(random.Random(5)).key)"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == member.key
