"""`nas spaces`, `nas models` and `nas mixers` as a user runs them."""

import json
import os
from pathlib import Path

import pytest
import yaml

from nas.exports.published import published_models
from tests.conftest import ROOT, run_nas


def test_models_are_listed_shown_and_checked(tmp_path: Path) -> None:
    listed = run_nas(["models"], tmp_path)
    assert listed.code == 0, listed.err
    for name in published_models():
        assert name in listed.out
    shown = run_nas(["models", "show", "caformer_s18"], tmp_path)
    config = yaml.safe_load(shown.out)
    assert config["provenance"]["parameters"] == 26_341_656
    assert [stage["mixer"] for stage in config["architecture"]["stages"]] == ["conv", "conv", "attention", "attention"]
    checked = run_nas(["models", "--check"], tmp_path)
    assert checked.code == 0, checked.out
    assert "33 of 33 agree" in checked.out
    assert run_nas(["models", "show", "magic"], tmp_path).code == 2


def test_a_shown_config_is_one(tmp_path: Path) -> None:
    (tmp_path / "shown.yaml").write_text(run_nas(["models", "show", "poolformer_s12"], tmp_path).out)
    done = run_nas(["export", "shown.yaml", "--format", "json", "--output", "again.json"], tmp_path)
    assert done.code == 0, done.err
    again = json.loads((tmp_path / "again.json").read_text())
    assert again == yaml.safe_load((tmp_path / "shown.yaml").read_text())


def test_spaces_are_shown_with_members(tmp_path: Path) -> None:
    shown = run_nas(["spaces", "show", "metaformer", "--members", "2"], tmp_path)
    assert shown.code == 0, shown.err
    assert "architectures" in shown.out
    assert shown.out.count("\n  4  ") == 2
    assert run_nas(["spaces", "show", "metaformer", "--members", "2"], tmp_path).out == shown.out
    assert run_nas(["spaces", "show", "magic"], tmp_path).code == 2


def test_a_file_is_validated(tmp_path: Path) -> None:
    example = ROOT / "docs" / "examples" / "local_then_global.yaml"
    assert example.read_text() in (ROOT / "docs" / "spaces.md").read_text()
    good = run_nas(["spaces", "validate", str(example)], tmp_path)
    assert good.code == 0, good.err
    (tmp_path / "bad.yaml").write_text("stages:\n- mixers: magic\n  depths: -1\n  widths: 8\n")
    bad = run_nas(["spaces", "validate", "bad.yaml"], tmp_path)
    assert bad.code == 2
    assert [line.split(" ")[2] for line in bad.err.splitlines()] == ["bad.yaml:2:", "bad.yaml:3:"]
    for command in (["search", "--budget", "1", "--space"], ["spaces", "show"]):
        refused = run_nas([*command, "bad.yaml"], tmp_path)
        assert (refused.code, len(refused.err.splitlines())) == (2, 1)
        assert refused.err.startswith(bad.err.splitlines()[0])
        assert "1 more" in refused.err


@pytest.mark.parametrize(
    "command", [["search", "--budget", "1", "--space"], ["spaces", "show"], ["spaces", "validate"]]
)
def test_a_pipe_is_no_space(command: list[str], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    done = run_nas([*command, "pipe.yaml"], tmp_path)
    assert (done.code, done.err) == (2, "nas: error: space file 'pipe.yaml' is not a regular file\n")


@pytest.mark.timeout(300)
def test_a_file_is_searched_within_its_constraints(tmp_path: Path) -> None:
    example = ROOT / "docs" / "examples" / "local_then_global.yaml"
    quick = ["search", "--space", str(example), "--epochs", "1", "--train-size", "64", "--confirm", "0"]
    done = run_nas([*quick, "--budget", "4", "--json"], tmp_path)
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert result["trials"] == 4
    for member in result["front"]:
        mixers = [stage["mixer"] for stage in member["stages"]]
        assert "attention" not in mixers[:2]
        assert sum(stage["depth"] for stage in member["stages"]) <= 7
    exported = run_nas(["export", "--format", "python", "--output", "net.py"], tmp_path)
    assert exported.code == 0, exported.err


def test_mixers_are_compared_on_this_machine(tmp_path: Path) -> None:
    arguments = ["mixers", "pool", "random", "--grid", "4", "--width", "16"]
    shown = run_nas([*arguments, "--html", "mixers.html"], tmp_path)
    assert shown.code == 0, shown.err
    assert "O(n^2)" in shown.out
    assert "global" in shown.out
    assert "256 tokens" in shown.out
    assert (tmp_path / "mixers.html").stat().st_size > 1_000_000
    (pool, random) = json.loads(run_nas([*arguments, "--json"], tmp_path).out)
    assert (pool["mixer"], random["tied"]) == ("pool", True)
    assert (pool["mixing"], random["mixing"]) == ("local", "global")
    assert [grid["tokens"] for grid in random["grids"]] == [4, 16, 64, 256]
    assert [grid["frozen"] for grid in random["grids"]] == [16, 256, 4096, 65536]
    assert all(grid["latency_ms"] > 0 for grid in pool["grids"])
    assert run_nas(["mixers", "magic"], tmp_path).code == 2


@pytest.mark.parametrize("size", ["0", "x", "32x", "x32", "3.5", "32x0"])
def test_a_size_that_is_none_is_refused(size: str, tmp_path: Path) -> None:
    done = run_nas(["export", "poolformer_s12", "--input-size", size, "--output", "x"], tmp_path)
    assert done.code == 2
    assert f"--input-size '{size}'" in done.err
