"""Contract of the store and the study, on every database."""

import multiprocessing
import multiprocessing.synchronize
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from sqlalchemy import JSON, column, insert, table, text

from nas.errors import StorageError, UnknownNameError, UserError
from nas.objective import UNKNOWN_HALF_WIDTH
from nas.results.rank_correlation import RankCheck
from nas.store.artifact import Artifact
from nas.store.engine import open_engine, parse_url, shown
from nas.store.schema import HEAD, upgrade
from nas.store.store import Store
from nas.study.study import MAX_TRIALS_WITHOUT_RESULT
from nas.trial import MAX_ATTEMPTS, WORKER_LOST, Trial, TrialState
from tests.builders import Silent, complete, failed, infeasible, measurement, small_space, synthetic
from tests.studies import make_study, open_study, run


def states(store: Store, name: str = "study") -> list[TrialState]:
    return [trial.state for trial in store.trials(store.study(name).study_id)]


def in_optuna(url: str, name: str = "study") -> optuna.Study:
    return optuna.load_study(study_name=name, storage=parse_url(url).render_as_string(hide_password=False))


def test_what_is_told_is_read_back(storage_url: str) -> None:
    make_study(storage_url, budget=5)
    with Store.open(storage_url, create=False) as store:
        record = store.study()
        trials = store.trials(record.study_id)
    assert record.counts == {TrialState.COMPLETE: 5}
    for trial in trials:
        expected = synthetic(trial.architecture)
        assert trial.outcome == expected


def test_audits_are_read_back_the_last_of_each_epoch(storage_url: str) -> None:
    make_study(storage_url, name="audited", budget=5)
    with Store.open(storage_url, create=False) as store:
        study_id = store.study("audited").study_id
        assert store.rank_checks(study_id) == []
        store.add_rank_checks(study_id, 20, [RankCheck(3, 12, 0.5), RankCheck(1, 20, 0.25)], 1.0)
        store.add_rank_checks(study_id, 40, [RankCheck(1, 40, 0.75)], 2.0)
        assert store.rank_checks(study_id) == [RankCheck(1, 40, 0.75), RankCheck(3, 12, 0.5)]
        assert store.rank_checks(study_id + 1) == []


def test_optunas_own_api_reads_the_study(storage_url: str) -> None:
    make_study(storage_url, budget=5)
    study = in_optuna(storage_url)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 5
    assert study.metric_names == ["accuracy", "latency_ms"]
    for trial in study.trials:
        architecture = small_space().decode(trial.params)
        assert trial.user_attrs["key"] == architecture.key
        assert trial.user_attrs["architecture"] == architecture.canonical_json
        outcome = synthetic(architecture)
        assert trial.values == [outcome.accuracy, outcome.latency.median]


def test_every_end_is_recorded_as_what_it_is(storage_url: str) -> None:
    outcomes = iter([complete(0.5, 1.0), failed(), infeasible(9.0)])
    with Store.open(storage_url, create=True) as store:
        run(open_study(store, storage_url, budget=3, max_latency_ms=5.0), lambda architecture: next(outcomes))
        assert states(store) == [TrialState.COMPLETE, TrialState.FAILED, TrialState.INFEASIBLE]
        assert store.trials(store.study().study_id)[1].outcome.failure.cause == "out of memory"
    trials = in_optuna(storage_url).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE", "FAIL", "PRUNED"]
    assert [trial.constraints for trial in trials] == [{"latency_ms": -4.0}, {}, {"latency_ms": 4.0}]
    assert "out of memory" in trials[1].user_attrs["failure"]


def test_what_a_dead_driver_left_running_is_interrupted_and_tried_again(storage_url: str) -> None:
    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=4)
        left = [study.ask(), study.ask()]
    with Store.open(storage_url, create=False) as store:
        study = open_study(store, storage_url, budget=4)
        study.recover("driver killed")
        again = [study.ask(), study.ask()]
        assert [trial.architecture for trial in again] == [trial.architecture for trial in left]
        assert [trial.seed for trial in again] == [trial.seed for trial in left]
        for trial in again:
            study.tell(trial.number, synthetic(trial.architecture))
        run(study)
        assert states(store) == [TrialState.INTERRUPTED] * 2 + [TrialState.COMPLETE] * 4
    assert not [trial for trial in in_optuna(storage_url).trials if not trial.state.is_finished()]


def test_ctrl_c_in_the_middle_of_a_proposal_leaves_nothing_running(
    storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=2)
        begin = store.begin_trial

        def cut_off(*arguments: Any) -> None:
            begin(*arguments)
            raise KeyboardInterrupt

        monkeypatch.setattr(store, "begin_trial", cut_off)
        with pytest.raises(KeyboardInterrupt):
            study.ask()
        monkeypatch.undo()
        study.recover("stopped by the user")
        assert states(store) == [TrialState.INTERRUPTED]
        run(study)
        assert states(store) == [TrialState.INTERRUPTED] + [TrialState.COMPLETE] * 2
    assert not [trial for trial in in_optuna(storage_url).trials if not trial.state.is_finished()]


def test_optuna_is_told_what_a_dead_driver_had_only_written_to_our_record(storage_url: str) -> None:
    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=2)
        trial = study.ask()
        outcome = synthetic(trial.architecture)
        store.finish_trial(store.study().study_id, trial.number, TrialState.COMPLETE, outcome, 1.0)
    with Store.open(storage_url, create=False) as store:
        study = open_study(store, storage_url, budget=2)
        study.recover("driver killed")
        assert study.done == 1
        assert in_optuna(storage_url).trials[0].values == [outcome.accuracy, outcome.latency.median]


def test_optunas_trial_that_never_reached_our_record_is_closed(storage_url: str) -> None:
    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=2)
        in_optuna(storage_url).ask()
        study.recover("driver killed")
        assert study.done == 0
    assert [trial.state.name for trial in in_optuna(storage_url).trials] == ["FAIL"]


def test_a_trial_ends_once(storage_url: str) -> None:
    watcher = Silent()
    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, watcher=watcher)
        trial = study.ask()
        study.tell(trial.number, complete(0.5, 1.0))
        study.tell(trial.number, complete(0.9, 2.0))
        study.interrupt(trial.number, WORKER_LOST, "late")
        assert store.trials(store.study().study_id)[0].outcome.accuracy == 0.5
    assert len(watcher.ended_trials) == 1


def test_a_recorded_architecture_is_answered_from_the_record(storage_url: str) -> None:
    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=3)
        first = study.ask()
        study.tell(first.number, synthetic(first.architecture))
        in_optuna(storage_url).enqueue_trial(small_space().encode(first.architecture))
        run(study)
        assert study.done == 3
        assert len(states(store)) == 3
    trials = in_optuna(storage_url).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 4
    assert trials[1].user_attrs["answered_from"] == first.number
    assert trials[1].values == trials[0].values


def test_the_database_refuses_an_architecture_twice(storage_url: str) -> None:
    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url)
        trial = study.ask()
        again = Trial(99, trial.architecture, TrialState.RUNNING, 0)
        with pytest.raises(StorageError, match="is recorded already"):
            store.begin_trial(store.study().study_id, again, 0.0)


def test_an_architecture_is_tried_again_three_times_and_then_fails(storage_url: str) -> None:
    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=1)
        for attempt in range(1, MAX_ATTEMPTS + 1):
            trial = study.ask()
            assert trial.attempt == attempt
            study.interrupt(trial.number, WORKER_LOST, "signal 9")
        assert study.ask() is None
        assert states(store) == [*[TrialState.INTERRUPTED] * 3, TrialState.FAILED]
        assert "signal 9" in store.trials(store.study().study_id)[-1].outcome.failure.message


def test_interruptions_by_the_user_never_fail_an_architecture(storage_url: str) -> None:
    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=1)
        for _ in range(MAX_ATTEMPTS + 2):
            study.interrupt(study.ask().number, "stopped by the user", "")
        run(study)
        assert study.done == 1
        assert states(store)[-1] is TrialState.COMPLETE


@pytest.mark.parametrize("outcome", [infeasible(9.0), failed()])
def test_a_hopeless_study_ends(outcome, storage_url: str) -> None:
    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=30, max_latency_ms=5.0)
        run(study, lambda architecture: outcome)
        assert study.is_over
        assert study.done == MAX_TRIALS_WITHOUT_RESULT


def test_studies_are_listed_newest_first_and_named_when_unknown(storage_url: str) -> None:
    for name in ("one", "two"):
        make_study(storage_url, name=name, budget=2)
    with Store.open(storage_url, create=False) as store:
        assert [record.name for record in store.studies()] == ["two", "one"]
        with pytest.raises(UnknownNameError, match="unknown study 'three'; valid: one, two"):
            store.study("three")


def test_a_study_deleted_by_optuna_is_gone(storage_url: str) -> None:
    make_study(storage_url, budget=2)
    storage = parse_url(storage_url).render_as_string(hide_password=False)
    optuna.delete_study(study_name="study", storage=storage)
    with Store.open(storage_url, create=False) as store:
        assert store.studies() == []
        with pytest.raises(UserError, match="has no study yet"):
            store.study()
    make_study(storage_url, budget=3)
    with Store.open(storage_url, create=False) as store:
        assert states(store) == [TrialState.COMPLETE] * 3


def test_a_newer_schema_is_refused(storage_url: str) -> None:
    Store.open(storage_url, create=True).close()
    engine = open_engine(parse_url(storage_url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE nas_alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StorageError, match="schema 9999, newer than"):
        Store.open(storage_url, create=True)


def test_migrations_give_the_tables_that_the_code_declares(storage_url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from nas.store.tables import metadata

    make_study(storage_url, budget=1)
    engine = open_engine(parse_url(storage_url))
    with engine.connect() as connection:
        options = {
            "version_table": "nas_alembic_version",
            "include_object": lambda item, name, kind, *_: kind != "table" or name.startswith("nas_"),
        }
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
        assert connection.scalar(text("SELECT version_num FROM nas_alembic_version")) == HEAD
        assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1
    engine.dispose()


def test_the_last_artifact_of_a_name_is_kept(storage_url: str) -> None:
    first, last = (Artifact("one", "supernet", {"epochs": n}, bytes([0, 255, n]), float(n)) for n in (1, 2))
    other = Artifact("another", "else", {}, b"", 3.0)
    with Store.open(storage_url, create=True) as store:
        assert store.artifact("one") is None
        for artifact in (first, last, other):
            store.put_artifact(artifact)
        assert store.artifact("one") == last
        assert store.artifacts("supernet") == [replace(last, content=b"")]
        assert store.artifact_details("one") == {"epochs": 2}
        assert store.artifact_details("nothing") is None


def test_an_artifacts_details_change_without_its_content(storage_url: str) -> None:
    first, later = (
        Artifact("one", "supernet", {"audit": {}}, b"weights", 1.0),
        Artifact("one", "", {"audit": {"x": 1}}, b"", 2.0),
    )
    with Store.open(storage_url, create=True) as store:
        store.put_artifact_details(later)
        assert store.artifact("one") is None
        store.put_artifact(first)
        store.put_artifact_details(later)
        assert store.artifact("one") == replace(first, details={"audit": {"x": 1}}, updated_at=2.0)


def test_measurements_of_the_first_schema_are_kept(storage_url: str) -> None:
    architecture = next(iter(small_space()))
    fingerprint = {"target": "cpu", "threads": 1}
    engine = open_engine(parse_url(storage_url))
    upgrade(engine, "a database of the first schema", "0001")
    rows = {
        "nas_studies": {"study_id": 1, "settings": {}, "created_at": 1.0},
        "nas_trials": {
            "trial_id": 7,
            "study_id": 1,
            "number": 0,
            "key": architecture.key,
            "architecture": architecture.to_dict(),
            "state": "complete",
            "seed": 0,
            "attempt": 1,
            "started_at": 1.0,
            "accuracy": 0.5,
        },
        "nas_measurements": {
            "measurement_id": 3,
            "trial_id": 7,
            "metric": "latency_ms",
            "unit": "ms",
            "count": 2,
            "median": 1.5,
            "iqr": 0.5,
            "quantiles": {},
            "samples": [1.0, 2.0],
            "fingerprint": fingerprint,
            "taken_at": 5.0,
        },
    }
    with engine.begin() as connection:
        for name, row in rows.items():
            kinds = [column(key, JSON if isinstance(value, (dict, list)) else None) for key, value in row.items()]
            connection.execute(insert(table(name, *kinds)).values(row))
    engine.dispose()
    with Store.open(storage_url, create=False) as store:
        (trial,) = store.trials(1)
        assert trial.outcome.latency.samples == (1.0, 2.0)
        assert store.measurement(architecture.key, fingerprint) == trial.outcome.latency
        assert store.measurements()[0].architecture == architecture


def _open(url: str) -> None:
    Store.open(url, create=True).close()


def test_eight_processes_may_migrate_at_once(storage_url: str) -> None:
    processes = [multiprocessing.get_context("spawn").Process(target=_open, args=(storage_url,)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 8


def test_sqlite_is_in_wal_mode(tmp_path: Path) -> None:
    make_study(f"sqlite:///{tmp_path / 'nas.db'}", budget=1)
    with sqlite3.connect(tmp_path / "nas.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite://", "sqlite:///:memory:", "sqlite:///file:nas.db?uri=true", "oracle+nope://x/y"]
)
def test_what_is_no_usable_url_is_refused(url: str) -> None:
    with pytest.raises(StorageError, match="valid: sqlite:///FILE"):
        Store.open(url, create=True)


def test_a_password_is_never_shown() -> None:
    url = "postgresql+psycopg://user:secret@127.0.0.1:1/nas"
    assert "secret" not in shown(parse_url(url))
    with pytest.raises(StorageError) as caught:
        Store.open(url, create=True)
    assert "secret" not in str(caught.value)


def put_reference(url: str, start: multiprocessing.synchronize.Barrier) -> None:
    with Store.open(url, create=False) as store:
        start.wait()
        store.add_measurement("reference", measurement(1.0, 2.0))


def test_two_searches_may_record_the_same_occasion_at_once(storage_url: str) -> None:
    """The reference network's time is taken once on a machine, and every search on it has it."""
    context = multiprocessing.get_context("spawn")
    Store.open(storage_url, create=True).close()
    for _ in range(3):
        start = context.Barrier(2)
        both = [context.Process(target=put_reference, args=(storage_url, start)) for _ in range(2)]
        for process in both:
            process.start()
        for process in both:
            process.join()
        assert [process.exitcode for process in both] == [0, 0]
    with Store.open(storage_url, create=False) as store:
        assert len(store.measurements()) == 1


def test_a_figure_without_an_interval_is_not_used_again(storage_url: str) -> None:
    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=2)
        trial = study.ask()
        disturbed = replace(measurement(1.0), fingerprint={"target": "cpu"}, relative_half_width=UNKNOWN_HALF_WIDTH)
        store.add_measurement(trial.architecture.key, disturbed, trial.architecture)
        assert study.recorded_latencies(trial.architecture) == {}
        store.add_measurement(
            trial.architecture.key, replace(disturbed, relative_half_width=0.1, taken_at=1.0), trial.architecture
        )
        assert study.recorded_latencies(trial.architecture)["cpu"].relative_half_width == 0.1
