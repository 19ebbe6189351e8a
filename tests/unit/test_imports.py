"""The core starts without torch and ray, and the rooms keep to themselves."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

HEAVY = ("torch", "ray", "torchvision", "plotly")
PROGRAM = """
import sys
try:
{body}
finally:
    print("heavy:", [name for name in {heavy} if name in sys.modules])
"""


@pytest.mark.parametrize(
    "body",
    [
        "    import nas",
        "    from nas.cli.main import main; main(['--help'])",
        "    from nas.cli.main import main; main(['front', '--storage', 'sqlite:///nas.db'])",
        "    from nas.cli.main import main; main(['front', '--json', '--storage', 'sqlite:///nas.db'])",
        "    from nas.cli.main import main; main(['studies', '--storage', 'sqlite:///nas.db'])",
        "    from nas.cli.main import main; main(['spaces'])",
    ],
    ids=["import nas", "nas --help", "nas front", "nas front --json", "nas studies", "nas spaces"],
)
def test_imports_neither_torch_nor_ray(body: str, tmp_path: Path) -> None:
    from tests.studies import make_study

    make_study(f"sqlite:///{tmp_path / 'nas.db'}")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body, heavy=HEAVY)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_import_linter_contracts_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_file_is_over_400_lines() -> None:
    files = subprocess.check_output(["git", "ls-files", "*.py"], cwd=ROOT, text=True).split()
    assert [file for file in files if len((ROOT / file).read_text().splitlines()) > 400] == []
