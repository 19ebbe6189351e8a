"""The table of a study: every trial, whatever its end, and still what `nas simulate` reads."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from nas.errors import UserError
from nas.exports.table_format import export
from nas.simulation.replay import ReplayOptions, replay
from nas.simulation.table import read_table
from nas.store.store import Store
from nas.trial import Confirmation, Failure, Outcome, TrialState
from tests.builders import failed, infeasible, synthetic
from tests.conftest import ROOT
from tests.studies import confirmed, open_study


def record(store: Store, url: str) -> None:
    """A study with a trial of each end, one that runs, and a confirmed front."""
    study = open_study(store, url, budget=12, max_latency_ms=9.0)
    search = confirmed(study, 2)
    ends = {2: infeasible(9.5), 3: failed(), 5: Outcome(failure=Failure("ValueError", "two\nlines"))}
    while (job := search.ask()) is not None:
        outcome = synthetic(job.architecture)
        if job.repeat == 0 and job.number == 4:
            search.interrupt(job, "stopped by the user", "it was running then")
            continue
        if job.number != 7:
            outcome = replace(outcome, costs={"macs": 5.0, "feature:naswot": 2.0})
        if job.repeat == 0 and job.number == 6:
            outcome = replace(outcome, accuracy=None, curve=outcome.curve[:1])
        search.tell(job, ends.get(job.number, outcome) if job.repeat == 0 else outcome)
    member = next(trial for trial in study.trials if trial.confirmations)
    study.confirm(member.number, Confirmation(1, failed()))
    # A larger budget goes on, and one trial is at it.
    assert confirmed(open_study(store, url, budget=13, max_latency_ms=9.0), 0).ask() is not None


def exported(tmp_path: Path) -> list[dict[str, str]]:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    with Store.open(url, create=True) as store:
        record(store, url)
        study = store.study()
        trials = store.trials(study.study_id)
        message = export(trials, study, tmp_path / "study.csv")
    with (tmp_path / "study.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert f"{len(trials)} trials of study study, 8 of them complete" in message
    assert [int(row["trial:number"]) for row in rows] == [trial.number for trial in trials]
    assert [row["trial:key"] for row in rows] == [trial.architecture.key for trial in trials]
    assert [int(row["trial:seed"]) for row in rows] == [trial.seed for trial in trials]
    return rows


def test_every_trial_has_a_row_with_what_is_on_record_of_it(tmp_path: Path) -> None:
    rows = exported(tmp_path)
    assert {row["trial:metric"] for row in rows} == {"accuracy"}
    assert {row["trial:state"] for row in rows} == {state.value for state in TrialState}
    by_state = {row["trial:state"]: row for row in rows}
    assert by_state["failed"]["trial:failure"] == "ValueError: two lines"
    assert by_state["interrupted"]["trial:failure"] == "stopped by the user: it was running then"
    assert (by_state["infeasible"]["accuracy"], by_state["infeasible"]["latency_ms"]) == ("", "9.5")
    stopped = by_state["stopped"]
    assert (stopped["accuracy"], stopped["accuracy@2"]) == ("", "")
    assert float(stopped["accuracy@1"]) > 0
    for row in (row for row in rows if row["trial:state"] == "complete"):
        latency_ms = float(row["latency_ms"])
        assert float(row["trial:latency_low_ms"]) == pytest.approx(0.99 * latency_ms)
        assert float(row["trial:latency_high_ms"]) == pytest.approx(1.01 * latency_ms)
        # On how many images a point of the curve was judged; an earlier version did not record it.
        assert (row["images@2"], row["cost_s@2"]) == ("1000", "1")
        assert 0 < float(row["trial:expected_accuracy"]) < 1
        assert 0 < float(row["trial:shown_accuracy"]) < 1
    confirmed = [row for row in rows if row["trial:confirmations"] != "0"]
    assert any(row["trial:front"] == "yes" for row in confirmed)
    for row in confirmed:
        assert len(row["trial:confirmation_seeds"].split()) == int(row["trial:confirmations"])
    assert sum("failed" in row["trial:confirmation_accuracies"] for row in confirmed) == 1


def test_the_table_is_read_for_simulations(tmp_path: Path) -> None:
    complete = [row for row in exported(tmp_path) if row["trial:state"] == "complete"]
    table = read_table(tmp_path / "study.csv")
    assert table.objectives == ("accuracy", "latency_ms")
    assert [row.figures["accuracy"] for row in table.rows] == [float(row["accuracy"]) for row in complete]
    assert all(set(row.curve) == set(row.training_losses) == set(row.costs_s) == {1, 2} for row in table.rows)
    # A feature that some trials lack is left out; the table has it.
    assert all(row.features.keys() == {"parameters"} for row in table.rows)
    assert sorted({row["feature:naswot"] for row in complete}) == ["", "2"]
    assert replay(table, "random", 0, ReplayOptions(len(table.rows), early_stopping=False)).shares[-1] == pytest.approx(
        1.0
    )


def test_a_study_without_a_trial_has_no_table(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    with Store.open(url, create=True) as store:
        open_study(store, url)
        with pytest.raises(UserError, match="has no trial yet"):
            export([], store.study(), tmp_path / "none.csv")


TABLES = sorted((ROOT / "benchmarks" / "tables").glob("*_hybrid.csv"))


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
def test_tables_that_earlier_versions_exported_are_read(file: Path) -> None:
    assert len(read_table(file).rows) == len(file.read_text().splitlines()) - 1
