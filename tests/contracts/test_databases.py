"""`nas db`: problems in a database are found, and whole studies are copied between databases of any kind."""

import dataclasses
import socket
import threading
import time
from pathlib import Path

import optuna
import psutil
import pytest
from sqlalchemy import text

from nas.errors import ParameterError, StorageError, UnknownNameError
from nas.store import network_weights
from nas.store.artifact import Artifact
from nas.store.check import check
from nas.store.copying import copy
from nas.store.engine import open_engine, open_optuna, parse_url
from nas.store.network_weights import weights_artifact
from nas.store.store import Store
from nas.study.driver_lock import drive
from nas.trial import Confirmation, Outcome
from tests.builders import complete, failed, infeasible, measurement
from tests.conftest import run_nas
from tests.studies import make_ladder_study, make_study, open_study, run

SUPERNET = Artifact("supernet-small", "supernet", {"epochs": 1}, bytes(range(256)), 5.0)


def at(taken_at: float, outcome: Outcome) -> Outcome:
    """With a latency of its own occasion."""
    return dataclasses.replace(outcome, latency=dataclasses.replace(outcome.latency, taken_at=taken_at))


def made(url: str) -> None:
    """Two studies: trials of every end, a confirmation, a running one, a measurement of no trial; and a supernet."""
    make_study(url, name="plain", budget=6)
    outcomes = iter([at(1, complete(0.5, 1.0)), failed(), at(2, infeasible(9.0)), at(3, complete(0.75, 2.0))])
    with Store.open(url, create=True) as store:
        study = open_study(store, url, name="limited", budget=4, max_latency_ms=5.0)
        run(study, lambda architecture: next(outcomes))
        study.confirm(0, Confirmation(77, at(4, complete(0.55, 1.0))))
        study.check_ranks()
        store.add_measurement("0" * 32, measurement(1.0, 1.5))
        store.put_artifact(SUPERNET)


def test_a_ladder_with_its_tests_and_weights_is_sound(storage_url: str) -> None:
    make_ladder_study(storage_url)
    assert check(storage_url) == []


def change(url: str, statement: str) -> None:
    engine = open_engine(parse_url(url))
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_what_searches_write_is_sound(storage_url: str) -> None:
    made(storage_url)
    assert check(storage_url) == []
    with Store.open(storage_url, create=False) as store:
        study = open_study(store, storage_url, name="cut off", budget=4)
        study.ask()
        store.replace_driver(
            store.study("cut off").study_id, {"host": "h", "pid": 1, "started_at": 0.0}, lambda _: True
        )
    # A killed driver's trials are the next one's to see to.
    assert check(storage_url) == []


def test_a_study_is_recorded_once(storage_url: str) -> None:
    """Of two searches that begin it at a time the second one finds the first one's."""
    with Store.open(storage_url, create=True) as store:
        study = open_study(store, storage_url, budget=2)
        study.ask()
        first = store.study()
        store.add_study(first.study_id, {"another": "one"}, first.created_at + 1)
        assert store.study() == first
        assert len(store.trials(first.study_id)) == 1
        # What is left of a study that Optuna has deleted makes room.
        store.add_study(first.study_id, {"another": "one"}, first.created_at + 1, stale=first.created_at)
        assert store.study().settings == {"another": "one"}
        assert store.trials(first.study_id) == []


def test_a_search_that_writes_meanwhile_is_sound(storage_url: str) -> None:
    make_study(storage_url, budget=2)
    with Store.open(storage_url, create=False) as store, drive(store, store.study().study_id, "study"):
        study = open_study(store, storage_url, budget=60)
        over = threading.Event()

        def search() -> None:
            run(study)
            over.set()

        searching = threading.Thread(target=search)
        searching.start()
        problems = []
        while not over.is_set():
            problems += check(storage_url)
        searching.join()
    assert problems == []


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE nas_trials SET key = 'x' WHERE number = 1", "its key is not its architecture's"),
        ("UPDATE nas_trials SET accuracy = NULL WHERE number = 0", "complete without an accuracy"),
        ("UPDATE nas_trials SET accuracy = 7 WHERE number = 0", "not between 0 and 1"),
        ("UPDATE nas_trials SET state = 'odd' WHERE number = 2", "cannot be read"),
        ("UPDATE nas_trials SET architecture = '{}' WHERE number = 2", "cannot be read"),
        (
            "UPDATE nas_trials SET state = 'running', finished_at = NULL, accuracy = NULL WHERE number = 0",
            "nobody drives",
        ),
        ("UPDATE nas_trials SET finished_at = NULL WHERE number = 0", "its time of finishing says otherwise"),
        ("UPDATE nas_trials SET failure_cause = NULL", "failed without a cause"),
        ("UPDATE nas_trials SET number = 99 WHERE number = 1", "Optuna does not know it"),
        ("DELETE FROM nas_curve_points WHERE epoch = 1", "its learning curve has the epochs [2]"),
        ("DELETE FROM nas_curve_points WHERE epoch = 2", "its accuracy is not the last of its learning curve"),
        ("DELETE FROM nas_trial_measurements", "complete without a latency"),
        ("UPDATE nas_measurements SET median = 123", "count and median are not those of its samples"),
        ("UPDATE nas_measurements SET digest = 'x' WHERE count = 3", "its digest is not its fingerprint's"),
        ("UPDATE nas_measurements SET samples = '[]'", "has no sample"),
        ("UPDATE nas_confirmations SET accuracy = NULL", "neither an accuracy nor a failure"),
        ("UPDATE trials SET state = 'FAIL' WHERE number = 0", "fail in Optuna"),
        ("UPDATE trial_values SET value = 0.123 WHERE objective = 0", "Optuna has another accuracy"),
    ],
)
def test_every_breach_is_found(statement: str, named: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    made(url)
    change(url, statement)
    problems = check(url)
    assert any(named in problem for problem in problems), problems
    done = run_nas(["db", "check"], tmp_path)
    assert done.code == 1
    assert named in done.out
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE nas_confirmations SET epochs = NULL", "has 400 images and None epochs"),
        ("UPDATE nas_confirmations SET images = 0", "has 0 images and"),
        ("UPDATE nas_confirmations SET accuracy = 1.5", "has the accuracy 1.5, which is not between 0 and 1"),
        ("UPDATE nas_confirmations SET test_accuracy = -1", "has the test_accuracy -1.0, which is not"),
        ("UPDATE nas_confirmations SET test_accuracy = 1, images = NULL, epochs = NULL", "is no longer training"),
        ("DELETE FROM nas_artifacts", "it was tested and its weights are not here"),
        ("""UPDATE nas_artifacts SET details = '{"key": "x"}'""", "its weights are of another architecture"),
    ],
)
def test_every_breach_of_a_ladder_is_found(statement: str, named: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_ladder_study(url)
    change(url, statement)
    problems = check(url)
    assert any(named in problem for problem in problems), problems


def weights_of(url: str) -> dict[str, tuple[str, bytes]]:
    """The recorded weights by name: their study and content."""
    with Store.open(url, create=False) as store:
        names = [artifact.name for artifact in store.artifacts(network_weights.KIND)]
        artifacts = [artifact for name in names if (artifact := store.artifact(name)) is not None]
    return {artifact.name: (artifact.details["study"], artifact.content) for artifact in artifacts}


def test_weights_are_copied_with_their_study_and_no_other(storage_url: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_ladder_study(storage_url, name=name)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    with Store.open(other, create=True) as store:
        # Of an earlier study of that name: none of its trials may be taken for one of this study's.
        for number in (0, 99):
            store.put_artifact(weights_artifact("one", number, "x", b"old"))
    assert copy(storage_url, other, ["one"]) == ["one"]
    assert weights_of(other) == {name: of for name, of in weights_of(storage_url).items() if of[0] == "one"}
    assert len(weights_of(other)) == 6
    assert everything(other)["one"] == everything(storage_url)["one"]
    assert check(other) == []


def test_weights_are_removed_with_their_study_and_no_other(storage_url: str) -> None:
    for name in ("one", "two"):
        make_ladder_study(storage_url, name=name)
    storage = open_optuna(parse_url(storage_url))
    with Store.open(storage_url, create=False) as store:
        record = store.study("one")
        storage.delete_study(record.study_id)
        store.remove_study(record)
        assert [study.name for study in store.studies()] == ["two"]
    storage.engine.dispose()
    assert {study for study, _ in weights_of(storage_url).values()} == {"two"}
    assert check(storage_url) == []


def everything(url: str) -> dict[str, tuple]:
    """The contents of the store and of Optuna by study, but for Optuna's own ids."""
    storage = open_optuna(parse_url(url))
    with Store.open(url, create=False) as store:
        studies = {}
        for record in store.studies():
            optuna_study = optuna.load_study(study_name=record.name, storage=storage)
            studies[record.name] = (
                record.settings,
                record.created_at,
                record.counts,
                store.trials(record.study_id),
                store.rank_checks(record.study_id),
                [
                    (trial.number, trial.state, trial.params, trial.values, trial.user_attrs)
                    for trial in optuna_study.trials
                ],
                optuna_study.user_attrs,
                optuna_study.metric_names,
            )
        measured = {(row.measurement.taken_at, row.measurement.samples) for row in store.measurements()}
    storage.engine.dispose()
    return {**studies, "measured": tuple(sorted(measured))}


@pytest.mark.parametrize("way", ["to postgresql", "to sqlite"])
def test_studies_are_moved_whole(way: str, postgres_database: str, tmp_path: Path) -> None:
    file = f"sqlite:///{tmp_path / 'nas.db'}"
    source, destination = (file, postgres_database) if way == "to postgresql" else (postgres_database, file)
    made(source)
    assert copy(source, destination) == ["plain", "limited"]
    assert everything(destination) == everything(source)
    assert check(destination) == []
    with Store.open(destination, create=False) as store:
        assert store.artifact(SUPERNET.name) == SUPERNET
        study = open_study(store, destination, name="plain", budget=8)
        run(study)
        assert study.done == 8


def test_one_study_is_copied_beside_others_and_none_is_overwritten(tmp_path: Path) -> None:
    made(f"sqlite:///{tmp_path / 'nas.db'}")
    make_study(f"sqlite:///{tmp_path / 'other.db'}", name="mine", budget=3)
    done = run_nas(["db", "copy", "--study", "limited", "--to", "sqlite:///other.db"], tmp_path)
    assert (done.code, done.out) == (0, "copied study limited\n"), done.err
    url = f"sqlite:///{tmp_path / 'other.db'}"
    assert set(everything(url)) == {"mine", "limited", "measured"}
    before = everything(url)
    for words, named in (
        (("--study", "limited"), "study 'limited' is in"),
        (("--study", "none"), "unknown study 'none'"),
    ):
        refused = run_nas(["db", "copy", *words, "--to", "sqlite:///other.db"], tmp_path)
        assert refused.code == 2
        assert named in refused.err
    assert run_nas(["db", "copy", "--to", "sqlite:///nas.db"], tmp_path).code == 2
    assert everything(url) == before


def test_a_study_is_copied_with_what_its_driver_has_running_or_left_running(tmp_path: Path) -> None:
    url, other = (f"sqlite:///{tmp_path / name}" for name in ("nas.db", "other.db"))
    me = psutil.Process()
    driver = {"host": socket.gethostname(), "pid": me.pid, "started_at": me.create_time(), "seen_at": time.time()}
    with Store.open(url, create=True) as store:
        study = open_study(store, url, name="mine", budget=4)
        study.tell(study.ask().number, complete(0.5, 1.0))
        study.ask()
        store.replace_driver(store.study().study_id, driver, lambda _: True)
        # The driver is alive: it drives the study, and not its copy.
        copied = f"sqlite:///{tmp_path / 'copied.db'}"
        assert run_nas(["db", "copy", "--to", copied], tmp_path).code == 0
        assert run_nas(["status", "--json", "--storage", copied], tmp_path).json() == []
        assert check(copied) == []
        store.replace_driver(store.study().study_id, {**driver, "started_at": 0.0}, lambda _: True)
    assert run_nas(["db", "copy", "--to", other], tmp_path).code == 0
    assert check(url) == check(other) == []
    with Store.open(other, create=False) as store:
        study = open_study(store, other, name="mine", budget=4)
        study.recover("driver killed")
        run(study)
        assert study.done == 4
    assert check(other) == []


def test_nothing_is_made_of_what_is_not_there(tmp_path: Path) -> None:
    missing = f"sqlite:///{tmp_path / 'missing.db'}"
    for call in (lambda: check(missing), lambda: copy(missing, f"sqlite:///{tmp_path / 'new.db'}")):
        with pytest.raises(StorageError):
            call()
    assert list(tmp_path.iterdir()) == []
    made(f"sqlite:///{tmp_path / 'nas.db'}")
    with pytest.raises(ParameterError):
        copy(f"sqlite:///{tmp_path / 'nas.db'}", f"sqlite:///{tmp_path / 'nas.db'}")
    with pytest.raises(UnknownNameError):
        copy(f"sqlite:///{tmp_path / 'nas.db'}", f"sqlite:///{tmp_path / 'new.db'}", ["none"])
    upgraded = run_nas(["db", "upgrade"], tmp_path)
    assert "has schema" in upgraded.out
