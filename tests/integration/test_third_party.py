"""A third party's mixer: a package of one class and one entry point, in a YAML space, a search and an export."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nas.architecture import Architecture, Stage
from tests.conftest import ROOT, Finished, nas_script, run_nas

SPACE = """\
stages:
  - {mixers: [shift, pool], depths: [1], widths: [8, 16]}
  - {mixers: [{shift: {step: [1, 2]}}], depths: [1, 2], widths: [16]}
"""


def readme_blocks(language: str) -> list[str]:
    text = (ROOT / "search_spaces" / "mixers" / "README.md").read_text()
    return [block.split("```")[0] for block in text.split(f"```{language}\n")[1:]]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package that the README shows, installed into a folder of its own."""
    folder = tmp_path_factory.mktemp("third")
    (folder / "src").mkdir()
    (folder / "src" / "shift_mixer.py").write_text(readme_blocks("python")[0])
    (folder / "src" / "pyproject.toml").write_text(readme_blocks("toml")[0])
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", folder / "site", folder / "src"], check=True, capture_output=True)
    (folder / "space.yaml").write_text(SPACE)
    return folder


def started(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "site"), *sys.path])}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)


def run(folder: Path, *arguments: str) -> str:
    done = run_nas(arguments, folder, packages=folder / "site")
    assert done.code == 0, done.err
    return done.out


def test_it_is_put_to_the_contract(installed: Path) -> None:
    """The check that the README shows: the mixer passes, one that states something else fails with code 1."""
    assert run(installed, "mixers", "shift", "--check") == "shift: 11 of 11 checks pass\n"
    source = installed / "site" / "shift_mixer.py"
    right = source.read_text()
    source.write_text(right.replace('mixing: ClassVar = "local"', 'mixing: ClassVar = "global"'))
    try:
        done = started(installed, nas_script(), "mixers", "shift", "identity", "--check", "--json")
    finally:
        source.write_text(right)
    assert done.returncode == 1, done.stderr
    failed = [row for row in json.loads(done.stdout) if row["violation"] is not None]
    assert [(row["mixer"], row["check"]) for row in failed] == [("shift", "mixes as far as stated")]
    assert "tokens do not matter" in failed[0]["violation"]
    refused = started(installed, nas_script(), "mixers", "magic", "--check")
    assert refused.returncode == 2
    assert "mixer 'magic'" in refused.stderr


def test_it_is_searched_and_exported(installed: Path) -> None:
    assert "shift(step=2)" in run(installed, "spaces", "show", "space.yaml")
    quick = ("--epochs", "1", "--train-size", "64", "--budget", "2", "--confirm", "0", "--workers", "1")
    quick += ("--baselines", "none", "--latency-precision", "20%")
    assert "2 trials on record" in run(installed, "search", "--space", "space.yaml", *quick)
    run(installed, "export", "--format", "python", "--output", "net.py")
    program = "import torch, net; print(net.build()(torch.zeros(1, 1, 10, 10)).shape)"
    done = subprocess.run([sys.executable, "-c", program], cwd=installed, capture_output=True, text=True, check=True)
    assert "[1, 10]" in done.stdout
    assert "shift" in run(installed, "mixers", "shift", "--grid", "2")
    # An edited mixer is another one: nothing that was measured or trained with the other is mixed with it.
    keys = measured_keys(installed)
    source = installed / "site" / "shift_mixer.py"
    source.write_text(source.read_text() + "# edited\n")
    edited = measured_keys(installed)
    assert edited["pool"] == keys["pool"]
    assert edited["shift"] != keys["shift"]
    refused = run_nas(["search", "--space", "space.yaml", *quick], installed, packages=installed / "site")
    assert refused.code == 2
    assert "was begun with another source of mixer 'shift'" in refused.err
    assert "no problem found" in run(installed, "db", "check")


KEYS = """\
import json
from nas.architecture import Architecture, Stage
from nas.latency.measured_key import measured_key
print(json.dumps({mixer: measured_key(Architecture((Stage(mixer, 1, 8),))) for mixer in ("pool", "shift")}))
"""


def measured_keys(folder: Path) -> dict[str, str]:
    """The keys of measurements of a network with each mixer, in a process of its own."""
    done = started(folder, sys.executable, "-c", KEYS)
    keys: dict[str, str] = json.loads(done.stdout)
    assert keys["pool"] == Architecture((Stage("pool", 1, 8),)).key
    return keys


PACKAGED = """\
import json, sys
from nas import plugins
from nas.results.settings import ComparableSettings
from nas.store.store import StudyRecord
from nas.study.identity import check_content

def fits(recorded):
    record = StudyRecord(1, "study", ComparableSettings({"mixer_sources": {"far": recorded}}), 0.0, {})
    try:
        check_content(record, ComparableSettings({"mixer_sources": {"far": digest}}))
    except plugins.NasError:
        return False
    return True

digest = plugins.source_digest("nas.mixers", "far")
early = plugins.module_digest("nas.mixers", "far")
print(json.dumps({"digest": digest, "early": early, "fits": {key: fits(key) for key in (early, *sys.argv[1:])}}))
"""


def test_an_edited_helper_of_a_mixer_is_noticed(tmp_path: Path) -> None:
    """A mixer two packages below a namespace, with a helper beside the outer one."""
    package, info = tmp_path / "site" / "lab" / "mixers", tmp_path / "site" / "lab_mixers-0.1.dist-info"
    for folder in (package / "deep", info):
        folder.mkdir(parents=True)
    for file in (package / "__init__.py", package / "helper.py", package / "deep" / "__init__.py"):
        file.write_text("")
    (package / "deep" / "far.py").write_text("from lab.mixers import helper\n")
    (tmp_path / "site" / "lab" / "beside.py").write_text("")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-mixers\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[nas.mixers]\nfar = lab.mixers.deep.far:Far\n")

    def digests(*recorded: str) -> dict[str, Any]:
        done = started(tmp_path, sys.executable, "-c", PACKAGED, *recorded)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    before = digests()
    # Another package of the namespace is not the mixer's.
    (tmp_path / "site" / "lab" / "beside.py").write_text("# edited\n")
    assert digests() == before
    (package / "helper.py").write_text("# edited\n")
    after = digests(before["digest"])
    assert after["digest"] != before["digest"]
    # A study of an earlier version goes on: it has only the module's own file on record.
    assert after["fits"] == {before["early"]: True, before["digest"]: False}
    # Of a package of very many files the module's own file counts.
    for number in range(500):
        (package / f"other{number}.py").write_text("")
    assert digests()["digest"] == before["early"]
    (package / "deep" / "far.py").write_text("# edited\n")
    assert digests(before["early"])["fits"][before["early"]] is False


BROKEN = """\
from torch import Tensor, nn

from nas.space import SearchSpace, StageChoices


class Costless(nn.Module):
    def __init__(self, width: int, grid: tuple[int, int]) -> None:
        super().__init__()

    def forward(self, x_BHWC: Tensor) -> Tensor:
        return x_BHWC


class Widening(Costless):
    cost, tied, bound_by = "O(n)", False, "nothing"

    def forward(self, x_BHWC: Tensor) -> Tensor:
        return x_BHWC.repeat(1, 1, 1, 2)


class Dividing(Widening):
    def __init__(self, width: int, grid: tuple[int, int], *, parts: int = 0) -> None:
        super().__init__(width, grid)
        self.part = width // parts


SPACE = SearchSpace("unusable", "for tests", (StageChoices(("widening",), (1,), (8, 16)),))
"""
ENTRIES = """\
[nas.mixers]
absent = broken_mixers_of_nobody:Absent
nameless = broken_mixers:Nameless
costless = broken_mixers:Costless
widening = broken_mixers:Widening
dividing = broken_mixers:Dividing
number = broken_mixers:BROKEN_NUMBER

[nas.spaces]
unusable = broken_mixers:SPACE
"""


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of mixers that no network could have."""
    folder = tmp_path_factory.mktemp("broken")
    package = folder / "site" / "broken_mixers-0.1.dist-info"
    package.mkdir(parents=True)
    (folder / "site" / "broken_mixers.py").write_text(BROKEN + "\nBROKEN_NUMBER = 5\n")
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-mixers\nVersion: 0.1\n")
    (package / "entry_points.txt").write_text(ENTRIES)
    return folder


@pytest.mark.parametrize(
    ("mixer", "named"),
    [
        ("absent", "cannot be loaded: ModuleNotFoundError: No module named 'broken_mixers_of_nobody'"),
        ("nameless", "cannot be loaded: AttributeError"),
        ("number", "mixer 'number' is 5, and no class of torch.nn.Module"),
        ("costless", "Costless has no class attribute cost"),
        ("widening", "turns tokens of shape [1, 2, 2, 16] into [1, 2, 2, 32]"),
        ("dividing", "mixer dividing fails at width 16: ZeroDivisionError"),
        ("attention: {head_dim: 5000}", "head_dim 5000 is more than the stage's largest width, 16"),
    ],
)
def test_a_mixer_that_cannot_be_used_is_one_line(mixer: str, named: str, broken: Path) -> None:
    (broken / "space.yaml").write_text(f"stages: [{{mixers: [{mixer}], depths: [1], widths: [8, 16]}}]\n")
    assert_one_line(run_nas(["spaces", "show", "space.yaml"], broken, packages=broken / "site"), named)


def test_a_search_checks_the_mixers_of_an_installed_space(broken: Path) -> None:
    done = run_nas(["search", "--space", "unusable", "--budget", "1"], broken, packages=broken / "site")
    assert_one_line(done, "mixer widening turns tokens of shape [1, 2, 2, 16] into [1, 2, 2, 32]")
    assert not (broken / "nas.db").exists()


def assert_one_line(done: Finished, named: str) -> None:
    assert done.code == 2, done.err
    assert len(done.err.strip().splitlines()) == 1, done.err
    assert named in done.err
