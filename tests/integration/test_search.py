"""The main job from end to end."""

import json
import re
import statistics
from dataclasses import dataclass
from pathlib import Path

import optuna
import pytest

import nas
from nas.results.front import results
from nas.store.store import Store
from nas.trial import TrialState
from tests.conftest import Finished, run_nas
from tests.integration.searching import QUICK, trials
from tests.unit.test_datasets import pictures

BUDGET = 6


@dataclass(frozen=True)
class Searched:
    folder: Path
    result: Finished


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    """A finished search, on which everything that reads is tried."""
    folder = tmp_path_factory.mktemp("searched")
    return Searched(folder, run_nas([*QUICK, "--budget", str(BUDGET), "--workers", "2", "--json"], folder))


def test_json_is_one_object_and_nothing_else(searched: Searched) -> None:
    assert searched.result.code == 0, searched.result.err
    result = json.loads(searched.result.out)
    assert result.keys() >= {"study", "trials", "front", "hypervolume", "wall_s"}
    assert result["trials"] == BUDGET
    assert result["ending"] == "the budget is on record"
    assert result["front"]
    study = nas.load_study(f"sqlite:///{searched.folder / 'nas.db'}")
    everything = results(study.trials, study.settings)
    slowest_ms = max(trial.latency.median for trial in everything)
    median = statistics.median(trial.accuracy for trial in everything)
    corners = sorted((member["latency_ms"], member["accuracy"]) for member in result["front"])
    # Between the front and the median accuracy at the slowest trial's latency: each member's strip up to the next one.
    ends_ms = [*(latency_ms for latency_ms, _ in corners[1:]), slowest_ms]
    area = sum(
        max(0.0, accuracy - median) * (end_ms - start_ms)
        for (start_ms, accuracy), end_ms in zip(corners, ends_ms, strict=True)
    )
    assert result["hypervolume"] == pytest.approx(area, rel=1e-3)
    assert area > 0
    assert result["wall_s"] > 0


def test_progress_is_plain_lines_without_a_terminal(searched: Searched) -> None:
    lines = [line for line in searched.result.err.splitlines() if line.startswith("[")]
    assert [line.partition("/")[0] for line in lines] == [f"[{done}" for done in range(1, BUDGET + 1)]
    assert all(word in lines[-1] for word in ("best", "front", "hypervolume"))
    assert "min left" in lines[-2]
    assert "\x1b" not in searched.result.err


def test_ray_says_nothing(searched: Searched) -> None:
    said = [
        line for line in searched.result.err.splitlines() if not line.startswith(("[", "study ", "data: ", "cost: "))
    ]
    assert said == []


def test_every_trial_is_on_record_once_with_what_was_found_out(searched: Searched) -> None:
    recorded = trials(searched.folder)
    assert len({trial.architecture.key for trial in recorded}) == len(recorded) == BUDGET
    for trial in recorded:
        outcome = trial.outcome
        assert 0 <= outcome.accuracy <= 1
        assert len(outcome.curve) == 1
        assert outcome.latency.count + outcome.latency.discarded >= 16
        assert outcome.latency.fingerprint["threads"] == 1
        assert outcome.environment["ray"]


def test_front_json_is_what_the_search_printed(searched: Searched) -> None:
    shown = run_nas(["front", "--json"], searched.folder)
    assert shown.json() == json.loads(searched.result.out)["front"]
    for member in shown.json():
        assert member.keys() >= {
            "trial",
            "key",
            "stages",
            "parameters",
            "accuracy",
            "latency_ms",
            "latency_iqr_ms",
        }


def test_front_table_and_page(searched: Searched) -> None:
    shown = run_nas(["front", "--html", "front.html"], searched.folder)
    assert shown.code == 0, shown.err
    for member in run_nas(["front", "--json"], searched.folder).json():
        row = next(line for line in shown.out.splitlines() if line.startswith(f"{member['trial']} "))
        assert "".join(stage["mixer"][0].upper() if stage["depth"] else "-" for stage in member["stages"]) in row
        assert f"{member['latency_ms']:.3f}" in row
    assert (searched.folder / "front.html").stat().st_size > 1_000_000


@pytest.mark.parametrize("form", ["yaml", "json", "torch"])
@pytest.mark.parametrize("pick", ["knee", "accuracy", "latency", "trial:0"])
def test_exports_build_in_the_users_own_code(form: str, pick: str, searched: Searched) -> None:
    done = run_nas(["export", "--pick", pick, "--format", form, "--output", f"{pick}.{form}"], searched.folder)
    assert done.code == 0, done.err
    import torch

    import nas

    assert nas.build(searched.folder / f"{pick}.{form}")(torch.zeros(1, 1, 14, 14)).shape == (1, 10)


def test_a_finished_study_says_so_at_once(searched: Searched) -> None:
    again = run_nas([*QUICK, "--budget", str(BUDGET)], searched.folder)
    assert again.code == 0, again.err
    assert "is finished" in again.out
    assert len(trials(searched.folder)) == BUDGET


def test_studies_lists_it(searched: Searched) -> None:
    listed = run_nas(["studies", "--json"], searched.folder).json()
    assert [study["trials"]["complete"] for study in listed] == [BUDGET]
    assert listed[0]["sessions"][0]["conditions"]["processor"]
    assert listed[0]["study"] in run_nas(["studies"], searched.folder).out


def test_optunas_own_api_reads_it(searched: Searched) -> None:
    name = json.loads(searched.result.out)["study"]
    study = optuna.load_study(study_name=name, storage=f"sqlite:///{searched.folder / 'nas.db'}")
    assert study.metric_names == ["accuracy", "latency_ms"]
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * BUDGET
    assert len({trial.user_attrs["key"] for trial in study.trials}) == BUDGET
    front = {member["trial"] for member in run_nas(["front", "--json"], searched.folder).json()}
    assert front == {trial.number for trial in study.best_trials}


def test_a_larger_budget_goes_on(searched: Searched) -> None:
    more = run_nas([*QUICK, "--budget", str(BUDGET + 1)], searched.folder)
    assert more.code == 0, more.err
    assert f"resumed at {BUDGET}" in more.out
    assert len(trials(searched.folder)) == BUDGET + 1


def test_a_search_of_a_given_time_ends_by_itself_and_goes_on_with_its_own_length_of_trainings(tmp_path: Path) -> None:
    options = ["search", "--space", "hybrid", "--time", "60s", "--workers", "1", "--latency-precision", "20%"]
    first = run_nas([*options, "--baselines", "none", "--train-size", "100", "--json"], tmp_path)
    assert first.code == 0, first.err
    result = json.loads(first.out)
    assert result["trials"] > 0
    assert result["front"]
    assert result["ending"] == "the time is over"
    chosen = re.search(r"time: trainings of (\d+) epochs", first.err)
    assert chosen is not None
    study = nas.load_study(f"sqlite:///{tmp_path / 'nas.db'}")
    assert study.settings["epochs"] == int(chosen[1])
    # The same command finds its study, whose trainings are as long as they were: here it has nothing left to do.
    again = run_nas([*options, "--baselines", "none", "--train-size", "100", "--budget", "1", "--json"], tmp_path)
    assert again.code == 0, again.err
    assert json.loads(again.out)["study"] == result["study"]
    assert json.loads(again.out)["trials"] == result["trials"]
    assert "time: trainings" not in again.err


def test_other_settings_are_another_study_and_never_mixed(searched: Searched) -> None:
    name = json.loads(searched.result.out)["study"]
    mixed = run_nas([*QUICK, "--budget", "2", "--seed", "1", "--study", name], searched.folder)
    assert mixed.code == 2
    assert "was begun with seed 0, not with seed 1" in mixed.err


def test_same_seed_and_one_worker_give_the_same_trials(tmp_path: Path) -> None:
    seen = []
    for run in ("one", "two"):
        folder = tmp_path / run
        folder.mkdir()
        done = run_nas([*QUICK, "--budget", "2", "--seed", "3"], folder)
        assert done.code == 0, done.err
        seen.append([(t.architecture.key, t.seed, t.outcome.accuracy) for t in trials(folder)])
    assert seen[0] == seen[1]


def test_a_limit_that_nothing_meets_ends_with_a_clear_error(tmp_path: Path) -> None:
    done = run_nas([*QUICK, "--max-latency", "0.0001"], tmp_path)
    assert done.code == 2
    # Twenty, and whatever the other worker was measuring.
    said = r"--max-latency 0\.0001 ms: none of 2\d measured architectures meets it"
    assert re.search(said, done.err.splitlines()[-1])
    recorded = trials(tmp_path)
    assert {trial.state.value for trial in recorded} == {"infeasible"}
    assert all(trial.outcome.curve == () for trial in recorded)


@pytest.mark.slow
def test_what_can_no_longer_reach_the_front_is_stopped_and_on_record_with_its_curve(tmp_path: Path) -> None:
    done = run_nas([*QUICK, "--epochs", "4", "--budget", "18"], tmp_path)
    assert done.code == 0, done.err
    stopped = [trial for trial in trials(tmp_path) if trial.state is TrialState.STOPPED]
    assert stopped
    assert all(len(trial.outcome.curve) in (1, 3) and trial.outcome.accuracy is None for trial in stopped)
    whole = [trial for trial in trials(tmp_path) if trial.state is TrialState.COMPLETE]
    assert all(len(trial.outcome.curve) == 4 for trial in whole)
    assert len(stopped) + len(whole) == 18


def test_trials_that_diverge_are_failed_with_their_reason(tmp_path: Path) -> None:
    done = run_nas([*QUICK, "--learning-rate", "1e18", "--budget", "2"], tmp_path)
    assert done.code == 2
    assert "all 2 trials failed, the last one with loss not finite" in done.err
    assert [trial.outcome.failure.cause for trial in trials(tmp_path)] == ["loss not finite"] * 2


def test_a_search_on_postgresql(postgres_database: str, tmp_path: Path) -> None:
    done = run_nas([*QUICK, "--budget", "2", "--storage", postgres_database, "--json"], tmp_path)
    assert done.code == 0, done.err
    front = run_nas(["front", "--json", "--storage", postgres_database], tmp_path)
    assert front.json() == done.json()["front"]
    with Store.open(postgres_database, create=False) as store:
        assert len(store.trials(store.study().study_id)) == 2


@pytest.mark.slow
def test_a_search_on_fashion_mnist(fashion_mnist_dir: Path, tmp_path: Path) -> None:
    data = ("--dataset", "fashion-mnist", "--data-dir", str(fashion_mnist_dir))
    done = run_nas([*QUICK, *data, "--budget", "2", "--sampler", "nsga2"], tmp_path)
    assert done.code == 0, done.err
    assert trials(tmp_path)[0].outcome.latency.fingerprint["input"] == "1x28x28"


@pytest.mark.slow
def test_a_search_on_the_users_own_pictures(tmp_path: Path) -> None:
    pictures(tmp_path / "pictures", classes=3)
    options = ("--dataset", "imagefolder:pictures", "--input-size", "32", "--target", "cpu:size=48", "--budget", "2")
    done = run_nas([*QUICK, *options], tmp_path)
    assert done.code == 0, done.err
    assert "data: 30 pictures in 3 classes (class0 10, class1 10, class2 10): train 24, test 6" in done.out
    assert trials(tmp_path)[0].outcome.latency.fingerprint["input"] == "3x48x48"


def test_training_free_features_are_recorded_reported_and_checked(tmp_path: Path) -> None:
    # Where all networks tell images apart: of the smallest ones two images often have one code.
    asked = ["--space", "hybrid-v1", "--feature", "naswot", "--feature", "macs"]
    budget = ["--budget", "14", "--epochs", "1", "--train-size", "64", "--confirm", "0"]
    done = run_nas([*QUICK, *budget, *asked, "--json"], tmp_path)
    assert done.code == 0, done.err
    assert {each["feature"] for each in json.loads(done.out)["features"]} == {"naswot", "macs", "parameters"}
    assert all(
        "feature:naswot" in trial.outcome.costs for trial in trials(tmp_path) if trial.outcome.accuracy is not None
    )
    shown = run_nas(["features"], tmp_path).out
    assert "naswot" in shown
    assert "`nas search --feature` can also record gradient_norm, synaptic" in shown
    assert run_nas(["export", "--format", "table", "--output", "t.csv"], tmp_path).code == 0
    assert "feature:naswot" in (tmp_path / "t.csv").read_text()
    # The study's settings do not hold them: without them the same study is found, whose budget is on record.
    again = run_nas([*QUICK, *budget, *asked[:2], "--json"], tmp_path)
    assert (json.loads(again.out)["study"], json.loads(again.out)["features"]) == (json.loads(done.out)["study"], [])
    for wrong, said in (
        (["--feature", "luck"], "unknown feature 'luck'; valid: gradient_norm, macs, naswot, parameters, synaptic"),
        (["--feature", "macs", "--feature", "macs"], "--feature macs, macs: each is needed once"),
    ):
        refused = run_nas([*QUICK, *wrong], tmp_path)
        assert refused.code == 2
        assert refused.err == f"nas: error: {said}\n"
