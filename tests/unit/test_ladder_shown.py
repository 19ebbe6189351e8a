"""A study with a ladder, wherever it is shown: its longer trainings are no confirmations with other seeds."""

import csv
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from nas.results.front import results
from nas.store.store import Store
from nas.study.stored_study import StoredStudy
from nas.trial import Confirmation
from tests.builders import complete
from tests.conftest import run_nas
from tests.serving import client_of
from tests.studies import LADDER, climb, make_ladder_study, make_study, open_study, run

TARGET = {"images": 400, "epochs": 6}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("ladder")
    make_ladder_study(f"sqlite:///{made / 'nas.db'}", name="climbed")
    return made


@pytest.fixture
def service(folder: Path) -> Iterator[TestClient]:
    url = f"sqlite:///{folder / 'nas.db'}"
    with Store.open(url, create=False) as store, client_of(store, url) as client:
        yield client


def test_the_table_tells_longer_trainings_from_confirmations(folder: Path, tmp_path: Path) -> None:
    done = run_nas(["export", "--format", "table", "--output", str(tmp_path / "study.csv")], folder)
    assert done.code == 0, done.err
    with (tmp_path / "study.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["trial:confirmations"] for row in rows} == {"0"}
    assert {row["trial:confirmation_seeds"] + row["trial:confirmation_accuracies"] for row in rows} == {""}
    finals = [row for row in rows if row["trial:trained_at"]]
    assert len(finals) == 6
    for row in finals:
        assert row["trial:trained_at"] == "400 images x 6 epochs"
        assert row["trial:accuracy_of_400x6"] == row["trial:shown_accuracy"]
        assert float(row["accuracy"]) < float(row["trial:accuracy_of_400x2"]) < float(row["trial:accuracy_of_400x6"])
        low, high = float(row["trial:shown_accuracy_low"]), float(row["trial:shown_accuracy_high"])
        assert low < float(row["trial:shown_accuracy"]) < high
    # The front alone is tested.
    tested = [row for row in rows if row["trial:test_accuracy"]]
    assert [row["trial:front"] for row in rows].count("yes") == len(tested)
    assert all(row["trial:front"] == "yes" for row in tested)


def test_a_data_frame_counts_seeds_without_longer_trainings(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_ladder_study(url)
    frame = StoredStudy(url).trials_dataframe().set_index("number")
    assert set(frame["seeds"]) == {1}
    assert frame["target_accuracy"].notna().sum() == 6
    best = StoredStudy(url).best()
    assert frame.loc[best.trial, "target_accuracy"] == best.accuracy
    assert frame.loc[best.trial, "test_accuracy"] == best.test_accuracy
    with Store.open(url, create=True) as store:
        study = open_study(store, url, name="confirmed", budget=2)
        run(study)
        study.confirm(0, Confirmation(77, complete(0.5, 1.0)))
    frame = StoredStudy(url, "confirmed").trials_dataframe()
    assert list(frame["seeds"]) == [2, 1]
    assert "target_accuracy" not in frame


def test_commands_name_the_target_training(folder: Path) -> None:
    assert "400 x 6" in run_nas(["studies"], folder).out
    shown = run_nas(["status", "--all"], folder).out
    assert "target training: 400 images x 6 epochs; 13 longer trainings so far, " in shown
    (status,) = run_nas(["status", "--all", "--json"], folder).json()
    assert (status["target_training"], status["longer_trainings"]) == (TARGET, 13)
    front = run_nas(["front"], folder).out
    assert "90% interval" in front
    assert "test" in front.splitlines()[1].split()
    assert not {"seeds", "std"} & set(front.splitlines()[1].split())


def test_without_a_ladder_no_command_names_a_target_training(tmp_path: Path) -> None:
    make_study(f"sqlite:///{tmp_path / 'nas.db'}")
    assert "trained at" not in run_nas(["studies"], tmp_path).out
    assert "target training" not in run_nas(["status", "--all"], tmp_path).out
    (status,) = run_nas(["status", "--all", "--json"], tmp_path).json()
    assert (status["target_training"], status["longer_trainings"]) == (None, 0)


def test_the_service_shows_the_target_its_interval_and_the_test(service: TestClient) -> None:
    assert service.get("/api/v1/studies/climbed").json()["target_training"] == TARGET
    front = service.get("/api/v1/studies/climbed/front").json()
    assert front["target_training"] == TARGET
    assert front["members"]
    trials = {trial["number"]: trial for trial in service.get("/api/v1/studies/climbed/trials").json()["trials"]}
    for member in front["members"]:
        trial = trials[member["trial"]]
        for field in ("accuracy", "accuracy_interval", "target_training", "test_accuracy"):
            assert trial[field] == member[field]
        assert trial["target_training"] == TARGET
        assert trial["test_accuracy"] == pytest.approx(trial["accuracy"] - 0.01)
        assert trial["accuracy_interval"][0] < trial["accuracy"] < trial["accuracy_interval"][1]
    below = [trial for trial in trials.values() if trial["target_training"] is None]
    assert len(below) == 6
    assert {(trial["test_accuracy"], trial["seeds"]) for trial in below} == {(None, 1)}


def test_a_trials_curves_are_named_by_their_fidelities(service: TestClient) -> None:
    number = service.get("/api/v1/studies/climbed/front").json()["members"][0]["trial"]
    curves = service.get(f"/api/v1/studies/climbed/trials/{number}").json()["curves"]
    assert [curve["fidelity"] for curve in curves] == [None, {"images": 400, "epochs": 2}, TARGET]
    assert [curve["is_target"] for curve in curves] == [False, False, True]
    assert [len(curve["accuracy"]) for curve in curves] == [2, 2, 6]


def test_the_service_has_the_worth_of_each_rung(service: TestClient, folder: Path) -> None:
    served = service.get("/api/v1/studies/climbed/fidelity").json()
    printed = run_nas(["fidelity", "--json"], folder).json()
    assert served["conclusion"] == printed["conclusion"]
    assert served["rungs"] == printed["rungs"]
    assert service.get("/api/v1/studies/none/fidelity").status_code == 404


def test_a_page_shows_a_test_that_comes_last(tmp_path: Path) -> None:
    """A test changes neither the number of trials nor that of trainings."""
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    with Store.open(url, create=True) as store:
        study = open_study(store, url, budget=4, ladder=LADDER.as_setting())
        run(study)
        climb(study, 0, (0.03, 0.05))
        before = store.study()
        final = LADDER.final(study.trials[0])
        assert final is not None
        study.put_test_accuracy(0, final, 0.4)
        after = store.study()
        assert after != before
        assert dataclasses.replace(after, tests=0) == before
        (result,) = [result for result in results(store.trials(after.study_id), after.settings) if result.final]
        assert result.final is not None
        assert result.final.test_accuracy == 0.4
