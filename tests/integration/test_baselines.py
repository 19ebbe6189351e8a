"""Known networks beside a search, as a user meets them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Finished, run_nas
from tests.integration.searching import QUICK

# Without the option that leaves baselines out.
SEARCH = (*QUICK[: QUICK.index("--baselines")], "--budget", "2")
OWN = """\
from torch import nn


def build(channels, height_px, width_px, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * height_px * width_px, classes))


def wrong(channels, height_px, width_px, classes):
    return nn.Flatten()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a finished search with baselines: some of ours, one of timm, one of the user's own."""
    folder = tmp_path_factory.mktemp("baselines")
    (folder / "own.py").write_text(OWN)
    names = "plain-cnn-s,resnet8,timm:lcnet_035,own:build"
    searched = run_nas([*SEARCH, "--confirm", "1", "--max-latency", "1000", "--baselines", names], folder)
    assert searched.code == 0, searched.err
    for name in names.split(","):
        assert f"baseline trained: name {name}" in searched.out
    assert "front gains" in searched.out
    return folder


def test_table_json_and_page_show_them(folder: Path) -> None:
    shown = run_nas(["front"], folder).out
    assert all(name in shown for name in ("plain-cnn-s", "resnet8", "timm:lcnet_035", "own:build"))
    assert "own:build" in shown.splitlines()[-1] or "front" in shown.splitlines()[-1]
    whole = run_nas(["front", "--json", "--full"], folder).json()
    assert whole.keys() == {"front", "fell_off", "baselines", "conclusion", "metric"}
    assert whole["conclusion"]
    assert isinstance(run_nas(["front", "--json"], folder).json(), list)
    for baseline in whole["baselines"]:
        assert baseline["seeds"] == 2
        assert 0 < baseline["accuracy"] < 1
        assert baseline["latency_ms"] > 0
        assert baseline["figures"].keys() >= {"accuracy", "latency_ms", "macs", "parameters"}
    page = run_nas(["front", "--html", "front.html"], folder)
    assert page.code == 0, page.err
    assert "resnet8" in (folder / "front.html").read_text()


def test_another_search_on_the_same_data_shows_them_without_a_training(folder: Path) -> None:
    names = "plain-cnn-s,resnet8"
    other = ["--study", "other", "--sampler", "random", "--confirm", "1", "--baselines", names, "--json"]
    searched = run_nas([*SEARCH, *other], folder)
    assert searched.code == 0, searched.err
    assert "baseline trained" not in searched.err
    names_shown = {each["name"] for each in json.loads(searched.out)["baselines"]}
    assert names_shown >= {"plain-cnn-s", "resnet8"}
    none = run_nas([*SEARCH, *other[:-3], "--baselines", "none", "--json"], folder)
    assert none.json()["baselines"] == []


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("plain-cnn-xl", "unknown baseline 'plain-cnn-xl'; valid: MODULE:FUNCTION, plain-cnn-l"),
        ("none,resnet8", "none goes with no other name"),
        ("timm:resnet10x", "has no network 'resnet10x'; close to it: "),
        ("nothing:build", "nothing cannot be imported"),
        ("own:wrong", "a logit for each class"),
    ],
)
def test_names_of_nothing_end_in_one_line(folder: Path, names: str, said: str) -> None:
    refused = run_nas([*SEARCH, "--study", "refused", "--baselines", names], folder)
    assert refused.code == 2
    assert said in refused.err
    assert len(refused.err.strip().splitlines()) == 1


def test_a_failing_baseline_does_not_end_the_search(nas: Callable[..., Finished], tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from torch import nn\n\n\n"
        "class Failing(nn.Flatten):\n"
        "    def forward(self, x):\n"
        "        if len(x) > 1:\n"
        "            raise RuntimeError('only one image')\n"
        "        return super().forward(x)[:, :10]\n\n\n"
        "def build(**_):\n"
        "    return nn.Sequential(Failing(), nn.Linear(10, 10))\n"
    )
    searched = nas(*SEARCH, "--baselines", "own:build")
    assert searched.code == 0, searched.err
    assert "2 trials on record" in searched.out
    assert searched.out.count("baseline failed: name own:build") == 1
    assert "only one image" in nas("front").out


def test_a_known_network_is_exported_and_trained(nas: Callable[..., Finished], tmp_path: Path) -> None:
    exported = nas("export", "plain-cnn-s", "--format", "torch", "--output", "cnn")
    assert exported.code == 0, exported.err
    config = json.loads((tmp_path / "cnn" / "config.json").read_text())
    assert config["provenance"] == {"baseline": "plain-cnn-s"}
    for form in ("python", "timm"):
        refused = nas("export", "plain-cnn-s", "--format", form, "--output", "file.py")
        assert refused.code == 2
        assert f"--format {form} holds networks of a search space" in refused.err
    unknown = nas("export", "plain-cnn-xl", "--output", "file.yaml")
    assert unknown.code == 2
    assert "plain-cnn-m" in unknown.err


def test_retraining_one(nas: Callable[..., Finished]) -> None:
    trained = nas("retrain", "plain-cnn-s", "--dataset", "digits", "--epochs", "1", "--output", "trained", "--json")
    assert trained.code == 0, trained.err
    assert trained.json()["test_accuracy"] > 0
