"""Every command that README.md and docs/ show is run here, searches with smaller budgets."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT, run_nas
from tests.unit.test_datasets import pictures

# Click takes the last of a repeated option: these make a shown search small.
SMALL = ("--budget", "2", "--epochs", "1", "--train-size", "64")
# Run elsewhere: the two README commands by .ci/run, the dashboard by test_going_on.py.
ELSEWHERE = ("pip install", "pytest", "optuna-dashboard")


def shown(path: Path) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", path.read_text(), flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith(ELSEWHERE)]


def test_ci_runs_the_readmes_install_and_test_command() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "pip install -c constraints.txt -e . && nas search --space hybrid --budget 200\n" in readme
    assert "pip install -c constraints.txt -e '.[test]' && pytest\n" in readme
    assert "-c constraints.txt -e '.[test]' && pytest\n" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.timeout(900)
def test_every_command_shown(tmp_path: Path) -> None:
    commands = [line for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")) for line in shown(path)]
    assert any(command.startswith("nas search") for command in commands)
    pictures(tmp_path / "pictures")
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    assert run_nas(["search", *SMALL], tmp_path).code == 0
    left_out = []
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "nas", command
        if "../shared/data" in arguments:
            shared = ROOT.parent / "shared" / "data"
            if not shared.is_dir():
                left_out.append(command)
                continue
            arguments[arguments.index("../shared/data")] = str(shared)
        if arguments[0] == "search":
            # A shown latency limit may be too tight for a busy machine.
            arguments += [*SMALL, *(("--max-latency", "1000") if "--max-latency" in arguments else ())]
        if "--max-latency" in arguments and arguments[0] == "export":
            arguments += ["--max-latency", "1000"]
        done = run_nas(arguments, tmp_path)
        assert done.code == 0, (command, done.err)
    if left_out:
        pytest.skip(f"all but {left_out}, which need ../shared/data")


def test_every_option_of_search_is_documented() -> None:
    listed = run_nas(["search", "--help"], ROOT).out
    guide = (ROOT / "docs" / "searching.md").read_text()
    options = set(re.findall(r"--[a-z][a-z-]+", listed)) - {"--help"}
    assert {option for option in options if f"`{option}" not in guide} == set()
