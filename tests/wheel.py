"""This package as a user has it: a wheel in an environment of its own, not the checkout."""

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from tests.conftest import ROOT


def installed_wheel(folder: Path) -> Path:
    """Build the wheel, install it into an environment in `folder` and return that environment's Python.

    Its dependencies are those of the environment that runs the tests.
    """
    files = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True).split("\n")
    for file in files:
        if (ROOT / file).is_file() and not file.startswith(("tests/", "benchmarks/", "docs/")):
            (folder / "source" / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, folder / "source" / file)
    venv.create(folder / "env", symlinks=True)
    python = folder / "env" / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "env")}))
    shared = [path for path in sys.path if path.endswith("site-packages")]
    (site / "shared.pth").write_text("\n".join(shared))
    command = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-index", "--no-deps"]
    command += ["--no-build-isolation", "--ignore-installed", folder / "source"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return python
