"""`local` and `global` in the order of a space file: all mixers of the space that state it."""

from pathlib import Path

import pytest

from nas import plugins
from nas.errors import SpaceFileError
from nas.space.loading import load_space

SPACE = """\
recipe: compact
stages:
  - {mixers: [pool, {conv: {kernel: [3, 7]}}, attention], depths: [1, 2], widths: [16, 24]}
  - {mixers: [attention, depthwise, identity], depths: [1, 2], widths: 32}
"""


def write(folder: Path, order: str) -> str:
    file = folder / "space.yaml"
    file.write_text(f"{SPACE}constraints:\n  order: {order}\n")
    return str(file)


def test_order_takes_local_and_global_as_the_mixers_state_it(tmp_path: Path) -> None:
    """Keys and members are those of the space that lists the mixers; identity is neither, and free."""
    space = load_space(write(tmp_path, "[[local], [global]]"))
    expected = load_space(write(tmp_path, "[[conv, depthwise, pool], [attention]]"))
    assert space.constraints.order == (("conv", "depthwise", "pool"), ("attention",))
    assert (space.key, space.size) == (expected.key, expected.size)
    assert list(space) == list(expected)
    layouts = {member.layout for member in space}
    assert {"PA", "CD", "AA", "AI"} <= layouts
    assert "AD" not in layouts


@pytest.mark.parametrize(
    ("order", "mistake"),
    [
        ("[[pool], [local]]", "'pool' is listed twice"),
        ("[[local], [global, attention]]", "'attention' is listed twice"),
        ("[[local], [distant]]", "unknown mixer 'distant'"),
    ],
)
def test_a_mistake_is_named(order: str, mistake: str, tmp_path: Path) -> None:
    with pytest.raises(SpaceFileError, match=mistake) as raised:
        load_space(write(tmp_path, order))
    assert ":6: constraints.order: " in raised.value.mistakes[0]


def test_a_space_without_such_a_mixer_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(
        "stages: [{mixers: [pool, conv], depths: 1, widths: 8}]\nconstraints:\n  order: [[local], [global]]"
    )
    with pytest.raises(SpaceFileError, match="no stage has a global mixer; the mixers are conv, pool"):
        load_space(str(file))


def test_a_mixer_that_does_not_state_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(plugins.load(plugins.MIXERS, "depthwise"), "mixing")
    with pytest.raises(SpaceFileError, match="mixer 'depthwise' does not state its mixing; list mixers by name"):
        load_space(write(tmp_path, "[[local], [global]]"))
