"""A database that version 0.1 made opens, is shown, exports and goes on."""

import json
import sqlite3
from pathlib import Path

import pytest

from nas.architecture import ModelInput
from nas.latency.meter import load_meter
from tests.conftest import Finished

STUDY = Path(__file__).parent.parent / "data" / "study_of_version_0_1.sql"
# As it was begun, on one worker.
SEARCH = ("search", "--space", "hybrid", "--study", "first", "--epochs", "1", "--train-size", "100", "--confirm", "0")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The recorded database, moved to this machine: its target is the one that was measured on."""
    file = tmp_path / "nas.db"
    with sqlite3.connect(file) as connection:
        connection.executescript(STUDY.read_text())
        (text,) = connection.execute("SELECT settings FROM nas_studies").fetchone()
        settings = json.loads(text)
        settings["fingerprint"] = load_meter(settings["target"], None).fingerprint(
            ModelInput.from_dict(settings["latency_input"])
        )
        connection.execute("UPDATE nas_studies SET settings = ?", (json.dumps(settings),))
    return file


def test_a_study_of_version_0_1_is_shown_exported_and_gone_on_with(database: Path, nas) -> None:
    front = nas("front", "--json").json()
    assert front
    exported: Finished = nas("export", "--pick", "accuracy", "--format", "torch", "--output", "best")
    assert exported.code == 0, exported.err
    # `hybrid` is another space now; the study stays in the one that it was begun in, and under its recipe.
    went_on: Finished = nas(*SEARCH, "--budget", "9", "--workers", "1", "--baselines", "none", "--json")
    assert went_on.code == 0, went_on.err
    assert went_on.json()["trials"] == 9
    with sqlite3.connect(database) as connection:
        rows = connection.execute("SELECT architecture FROM nas_trials ORDER BY number").fetchall()
    assert len(rows) >= 9
    mixers = {stage["mixer"] for (row,) in rows for stage in json.loads(row)["stages"]}
    assert mixers <= {"pool", "conv", "attention"}


def test_other_settings_under_the_same_name_are_refused(database: Path, nas) -> None:
    refused: Finished = nas(*SEARCH, "--budget", "9", "--learning-rate", "0.1")
    assert refused.code == 2
    assert "'learning_rate'" in refused.err or "learning_rate 0.003" in refused.err
