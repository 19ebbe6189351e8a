"""Every command that README.md and docs/ show is run here, searches with smaller budgets."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, run_nas
from tests.unit.test_datasets import pictures

# Click takes the last of a repeated option: these make a shown search small.
SMALL = (
    *("--budget", "1", "--epochs", "1", "--train-size", "64", "--confirm", "0", "--workers", "1"),
    *("--latency-precision", "20%"),
)
# Run elsewhere: the README's two commands by .ci/run, dashboards by test_going_on.py and test_seeing.py, a search by a
# supernet by test_supernet.py, what takes long by a slow test.
ELSEWHERE = (
    *("pip install", "pytest", "optuna-dashboard", "nas dashboard", "nas retrain docs/examples/fashion.yaml"),
    "nas search --evaluator supernet --budget 400",
)
# Of those the ones that end by themselves.
SHORT = "nas dashboard token"


# These change nothing: one that several pages show is run for the first of them.
LOOKING = ("nas spaces", "nas models", "nas mixers", "nas targets")


def shown(path: Path) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", path.read_text(), flags=re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line]
    return [line for line in lines if line.startswith(SHORT) or not line.startswith(ELSEWHERE)]


def to_run(page: str) -> list[str]:
    before = {command for earlier in PAGES[: PAGES.index(page)] for command in shown(ROOT / earlier)}
    return [command for command in shown(ROOT / page) if not (command in before and command.startswith(LOOKING))]


# Their commands take minutes.
LONG = ("docs/exporting.md", "docs/supernet.md")
PAGES = ("README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")))


def test_ci_runs_the_readmes_install_and_test_command() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "pip install -c constraints.txt -e . && nas search --space hybrid --budget 200\n" in readme
    assert "pip install -c constraints.txt -e '.[test]' && pytest\n" in readme
    run = (ROOT / ".ci" / "run").read_text()
    assert "\npip install -q -c constraints.txt -e '.[test]'\n" in run
    assert "\npytest -n 3 --dist worksteal\n" in run


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[pytest.mark.slow] if page in LONG else []) for page in PAGES if to_run(page)],
)
def test_every_command_shown(page: str, tmp_path: Path) -> None:
    commands = to_run(page)
    pictures(tmp_path / "pictures")
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    if commands[0].startswith(("nas front", "nas export", "nas db")):
        assert run_nas(["search", *SMALL, "--baselines", "none"], tmp_path).code == 0
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
            arguments += ["--confirm", "1"] if "supernet" in arguments else []
            # Its network is used as it comes out of the search; a single trial gains nothing by a longer training.
            arguments += ["--target-epochs", "2", "--budget", "3"] if "imagefolder:pictures" in arguments else []
            arguments += [] if "--baselines" in arguments else ["--baselines", "none"]
            # Searches with these are simulated, which takes two trials.
            arguments += ["--budget", "2"] if "--sampler" in arguments else []
        if arguments[0] == "simulate":
            arguments += ["--budget", "2", "--seeds", "1"]
        if arguments[0] == "retrain":
            # Threads that wait for each other are slow beside other tests.
            arguments += ["--threads", "1", *([] if "--time" in arguments else ["--epochs", "1"])]
            if "--time" in arguments:
                arguments[arguments.index("--time") + 1] = "2s"
        if arguments[0] == "latency" and arguments[1] != "list":
            arguments += ["--time-limit", "0.1"]
        if "--max-latency" in arguments and arguments[0] == "export":
            arguments += ["--max-latency", "1000"]
        if "--min-accuracy" in arguments:
            # After a step or two of training.
            arguments += ["--min-accuracy", "0.001"]
        done = run_nas(arguments, tmp_path)
        assert done.code == 0, (command, done.err)
    if left_out:
        pytest.skip(f"all but {left_out}, which need ../shared/data")


def test_the_sampler_is_used_as_shown(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "samplers.md").read_text(), flags=re.DOTALL)
    check = "assert space.encode(architecture) == trial.params"
    subprocess.run([sys.executable, "-c", f"{code}\n{check}"], cwd=tmp_path, check=True)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_fashion_mnist_to_91_percent(fashion_mnist_dir: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "exporting.md").read_text()
    command = next(line for line in page.splitlines() if line.startswith("nas retrain docs/examples/fashion.yaml"))
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    arguments = [str(fashion_mnist_dir) if each == "../shared/data" else each for each in shlex.split(command)[1:]]
    done = run_nas(arguments, tmp_path, timeout_s=7200)
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "fashion" / "metrics.json").read_text())["test_accuracy"] >= 0.91


def test_every_option_of_search_is_documented() -> None:
    listed = run_nas(["search", "--help"], ROOT).out
    guide = (ROOT / "docs" / "searching.md").read_text()
    options = set(re.findall(r"--[a-z][a-z-]+", listed)) - {"--help"}
    assert {option for option in options if f"`{option}" not in guide} == set()
