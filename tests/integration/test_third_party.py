"""A third party's mixer: a package of one class and one entry point, in a YAML space, a search and an export."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, nas_script

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


def run(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "site"), *sys.path])}
    done = subprocess.run(
        [nas_script(), *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


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
