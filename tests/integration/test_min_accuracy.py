"""A search with a least accuracy from end to end, and all that reads its study."""

import json
import re
from pathlib import Path

import pytest

import nas
from nas.errors import UserError
from nas.results.front import results
from nas.results.pareto import hypervolume
from nas.store.check import check
from nas.trial import TrialState
from tests.conftest import run_nas
from tests.integration.searching import QUICK, Searched, trials
from tests.serving import Served
from tests.studies import make_study

BUDGET = 16


@pytest.fixture(scope="module")
def unreached(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    """A search for more than two short epochs can give."""
    folder = tmp_path_factory.mktemp("unreached")
    options = ["--epochs", "2", "--budget", str(BUDGET), "--min-accuracy", "0.9999"]
    return Searched(folder, run_nas([*QUICK, *options], folder))


def test_a_least_accuracy_that_nothing_reaches_ends_with_the_most_accurate_trial(unreached: Searched) -> None:
    assert unreached.result.code == 2
    message = unreached.result.err.splitlines()[-1]
    complete = [trial for trial in trials(unreached.folder) if trial.state is TrialState.COMPLETE]
    best = max(complete, key=lambda trial: trial.outcome.accuracy)
    assert message == (
        f"nas: error: --min-accuracy 0.9999: none of {len(complete)} complete trials reaches it; the most accurate "
        f"one, trial {best.number}, has accuracy {best.outcome.accuracy:.4f}"
    )
    assert "Traceback" not in unreached.result.err
    assert "(not within the limits), front 0" in unreached.result.out


def test_what_cannot_reach_it_was_stopped_and_everything_is_on_record(unreached: Searched) -> None:
    recorded = trials(unreached.folder)
    assert len(recorded) == BUDGET
    assert {trial.state for trial in recorded} == {TrialState.COMPLETE, TrialState.STOPPED}
    complete = [trial for trial in recorded if trial.state is TrialState.COMPLETE]
    stopped = [trial for trial in recorded if trial.state is TrialState.STOPPED]
    # The sampler itself stops nothing before. Two epochs on 100 pictures are far from the limit.
    assert len(complete) >= 8
    eighth = sorted(trial.number for trial in complete)[7]
    assert {trial.number for trial in stopped} >= set(range(eighth + 1, BUDGET))
    assert check(unreached.url) == []


def test_the_study_says_what_is_below_it(unreached: Searched) -> None:
    shown = run_nas(["front"], unreached.folder)
    assert shown.code == 0, shown.err
    assert re.search(r"0 of (\d+) complete trials are on the front\n", shown.out)
    assert re.search(r"(\d+) of \1 complete trials are below --min-accuracy 0\.9999: on no front", shown.out)
    assert run_nas(["front", "--json"], unreached.folder).json() == []
    page = run_nas(["front", "--html", "front.html"], unreached.folder)
    assert page.code == 0, page.err
    assert "below --min-accuracy" in (unreached.folder / "front.html").read_text()
    refused = run_nas(["export", "--output", "x.yaml"], unreached.folder)
    assert (refused.code, len(refused.err.splitlines())) == (2, 1)
    assert "no complete trial to pick from within its own limits" in refused.err


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    folder = tmp_path_factory.mktemp("reached")
    return Searched(folder, run_nas([*QUICK, "--budget", "6", "--min-accuracy", "0.05", "--json"], folder))


def test_the_front_and_its_hypervolume_are_of_what_reaches_it(reached: Searched) -> None:
    assert reached.result.code == 0, reached.result.err
    result = json.loads(reached.result.out)
    assert result["front"]
    assert all(member["accuracy"] >= 0.05 and not member["below_min_accuracy"] for member in result["front"])
    study = nas.load_study(reached.url)
    assert study.settings["min_accuracy"] == 0.05
    within = [result for result in results(study.trials, study.settings) if result.is_within_limits]
    slowest_ms = max(result.latency.median for result in within)
    points = [(member["latency_ms"], -member["accuracy"]) for member in result["front"]]
    assert result["hypervolume"] == pytest.approx(hypervolume(points, (slowest_ms, -0.05)))


def test_another_least_accuracy_is_another_study(reached: Searched) -> None:
    name = json.loads(reached.result.out)["study"]
    for other in (["--min-accuracy", "0.06"], []):
        mixed = run_nas([*QUICK, "--budget", "6", "--study", name, *other], reached.folder)
        assert mixed.code == 2
        assert "was begun with min_accuracy 0.05, not with" in mixed.err


def test_a_front_and_an_export_have_a_least_accuracy_of_their_own(tmp_path: Path) -> None:
    make_study(f"sqlite:///{tmp_path / 'nas.db'}", budget=20)
    members = run_nas(["front", "--json"], tmp_path).json()
    assert len(members) > 2
    minimum = members[1]["accuracy"]
    limit = ["--min-accuracy", repr(minimum)]
    assert [row["trial"] for row in run_nas(["front", "--json", *limit], tmp_path).json()] == [
        member["trial"] for member in members[1:]
    ]
    text = run_nas(["front", *limit], tmp_path).out
    assert f"complete trials are below --min-accuracy {minimum:g}: on no front" in text
    exported = run_nas(["export", "--pick", "latency", *limit, "--output", "fast.json", "--format", "json"], tmp_path)
    assert exported.code == 0, exported.err
    assert f"trial {members[1]['trial']} of study" in exported.out
    refused = run_nas(["export", "--min-accuracy", "0.9999", "--output", "x.yaml"], tmp_path)
    assert refused.code == 2
    best = members[-1]["accuracy"]
    said = f"nas: error: --min-accuracy 0.9999: the study's most accurate trial has accuracy {best:.4f}\n"
    assert refused.err == said


def test_the_service_and_its_client_have_a_least_accuracy(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_study(url, name="free", budget=12)
    # The fastest member's accuracy is 0.75.
    make_study(url, name="limited", budget=12, min_accuracy=0.78)
    with Served(tmp_path) as served, nas.Client(served.url) as client:
        free, limited = client.front("free"), client.front("limited")
        asked = client.front("free", min_accuracy=0.78)
        assert asked["members"] == limited["members"]
        assert asked["hypervolume"] == limited["hypervolume"] != free["hypervolume"]
        assert len(asked["members"]) < len(free["members"])
        slowest_ms = asked["members"][0]["latency_ms"]
        both = client.front("free", max_latency_ms=slowest_ms, min_accuracy=0.78)
        assert both["members"] == asked["members"][:1]
        assert client.front("free", min_accuracy=0.9999)["members"] == []
        below = {trial["number"] for trial in client.trials("limited") if trial["below_min_accuracy"]}
        accuracies = {trial["number"]: trial["accuracy"] for trial in client.trials("limited")}
        assert below == {number for number, accuracy in accuracies.items() if accuracy < 0.78} != set()
        assert [client.study(name)["min_accuracy"] for name in ("free", "limited")] == [None, 0.78]
        moments = client.history("limited")
        assert moments[-1]["hypervolume"] == pytest.approx(limited["hypervolume"])
        for wrong in (0.0, 1.0):
            with pytest.raises(UserError, match="min_accuracy"):
                client.front("free", min_accuracy=wrong)
        with pytest.raises(UserError, match=r"--min-accuracy 1\.5 is not a number above 0 and below 1"):
            client.start(space="hybrid", budget=1, min_accuracy=1.5)
