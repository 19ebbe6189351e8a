"""Databases are backed up, copied and vacuumed while searches write them, restored, and rid of what is old."""

import dataclasses
import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from nas.architecture import Architecture
from nas.errors import ParameterError, StorageError, UserError
from nas.store.artifact import Artifact
from nas.store.audit_log import AuditEntry
from nas.store.backup import backup, restore, vacuum
from nas.store.check import check
from nas.store.copying import copy
from nas.store.engine import parse_url
from nas.store.maintenance import maintenance_of
from nas.store.network_weights import weights_artifact
from nas.store.schema import HEAD
from nas.store.store import Store
from nas.study import curation
from nas.study.cleanup import prune
from nas.study.driver_lock import drive
from nas.trial import Outcome
from tests.builders import measurement, synthetic
from tests.conftest import Finished, run_nas
from tests.contracts.test_databases import change, everything, made
from tests.studies import make_study, open_study, run

# All members of the space under test.
BUDGET = 36


@contextmanager
def searching(url: str) -> Iterator[None]:
    """A search that writes the database within the block and after it, and ends with the space."""
    make_study(url, name="searched", budget=2)
    may_end = threading.Event()
    left = iter(range(BUDGET))

    def evaluate(architecture: Architecture) -> Outcome:
        if next(left) == BUDGET // 2:
            may_end.wait()
        return synthetic(architecture)

    with Store.open(url, create=False) as store, drive(store, store.study("searched").study_id, "searched"):
        study = open_study(store, url, name="searched", budget=BUDGET)
        thread = threading.Thread(target=run, args=(study, evaluate))
        thread.start()
        try:
            yield
        finally:
            may_end.set()
            thread.join()
        assert study.done == BUDGET


def driver_of(url: str, study: str, driver: dict[str, object]) -> None:
    with Store.open(url, create=False) as store:
        store.replace_driver(store.study(study).study_id, driver, lambda _: True)


def living() -> dict[str, object]:
    """The record of a driver that is alive, and another process."""
    parent = psutil.Process(os.getppid())
    return {"host": socket.gethostname(), "pid": parent.pid, "started_at": parent.create_time(), "seen_at": time.time()}


def second(url: str) -> str:
    """An empty database beside one of the same kind."""
    if url.startswith("sqlite"):
        return url.replace("nas.db", "second.db")
    import psycopg

    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server.replace('+psycopg', '')}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}_second"')
        connection.execute(f'CREATE DATABASE "{name}_second"')
    return f"{url}_second"


def test_a_backup_restores_everything(storage_url: str, tmp_path: Path) -> None:
    made(storage_url)
    before = everything(storage_url)
    file = tmp_path / "nas.backup"
    assert backup(storage_url, file) == file.stat().st_size
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    with pytest.raises(ParameterError, match="exists"):
        backup(storage_url, file)
    other = second(storage_url)
    assert sorted(restore(other, file)) == ["limited", "plain"]
    assert everything(other) == before
    assert check(other) == []
    # In the place of what was there meanwhile, while readers have it open.
    with Store.open(storage_url, create=False) as store:
        curation.delete(store, storage_url, store.study("plain"))
        make_study(storage_url, name="later", budget=3)
        assert sorted(restore(storage_url, file)) == ["limited", "plain"]
        assert sorted(record.name for record in store.studies()) == ["limited", "plain"]
    assert everything(storage_url) == before
    assert check(storage_url) == []
    with Store.open(storage_url, create=False) as store:
        study = open_study(store, storage_url, name="plain", budget=8)
        run(study)
        assert study.done == 8


def test_backups_and_copies_of_a_study_that_is_being_searched_are_sound(storage_url: str, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.backup" for number in range(3)]
    copies = [f"sqlite:///{tmp_path / f'copy{number}.db'}" for number in range(3)]
    with searching(storage_url):
        for file, url in zip(files, copies, strict=True):
            backup(storage_url, file)
            assert copy(storage_url, url) == ["searched"]
            vacuum(storage_url)
    assert check(storage_url) == []
    target = second(storage_url)
    for file in files:
        restore(target, file)
        goes_on(target)
    for url in copies:
        goes_on(url)


def goes_on(url: str) -> None:
    """The copy of the database is sound, nobody searches it, and a search goes on from it to its end."""
    assert check(url) == []
    with Store.open(url, create=False) as store:
        curation.check_undriven(store, "")
        study = open_study(store, url, name="searched", budget=BUDGET)
        assert study.done < BUDGET
        study.recover("driver killed")
        run(study)
        assert study.done == BUDGET
    assert check(url) == []


def nas(folder: Path, *words: str) -> Finished:
    return run_nas(["db", *words], folder)


def test_the_commands(storage_url: str, tmp_path: Path) -> None:
    made(storage_url)
    at = ("--storage", storage_url)
    written = nas(tmp_path, "backup", "nas.backup", *at)
    assert written.code == 0, written.err
    assert written.out.startswith("wrote nas.backup (")
    for words, named in (
        (("backup", "nas.backup"), "exists"),
        (("backup", "none/nas.backup"), "cannot be written"),
        (("restore", "nas.backup"), "has studies (2): --replace replaces them"),
        (("restore", "none"), "cannot be read"),
    ):
        refused = nas(tmp_path, *words, *at)
        assert (refused.code, refused.out) == (2, ""), words
        assert named in refused.err
        assert refused.err.count("\n") == 1
    driver_of(storage_url, "plain", living())
    refused = nas(tmp_path, "restore", "nas.backup", "--replace", *at)
    assert f"study 'plain' is being searched by process {os.getppid()}" in refused.err
    # With the living driver on record, which is not the copy's.
    assert nas(tmp_path, "backup", "driven.backup", *at).code == 0
    driver_of(storage_url, "plain", {**living(), "started_at": 0.0})
    restored = nas(tmp_path, "restore", "driven.backup", "--replace", *at)
    assert (restored.code, restored.out) == (0, "restored from driven.backup: studies 2\n"), restored.err
    assert run_nas(["status", "--json", *at], tmp_path).json() == []
    with Store.open(storage_url, create=False) as store:
        store.put_artifact(Artifact("supernet-large", "supernet", {"epochs": 1}, os.urandom(3_000_000), 5.0))
    assert "artifacts 2 (3 MB), measurements 1" in nas(tmp_path, "prune", "--older-than", "90d", "--dry-run", *at).out
    pruned = nas(tmp_path, "prune", "--older-than", "90d", *at)
    assert pruned.out.startswith("removed: studies 0, artifacts 2 (3 MB), measurements"), pruned.err
    vacuumed = nas(tmp_path, "vacuum", *at)
    assert vacuumed.code == 0, vacuumed.err
    if storage_url.startswith("sqlite"):
        assert (tmp_path / "nas.db").stat().st_size < 1_000_000
    assert check(storage_url) == []


def backup_of_newer(url: str, file: Path) -> None:
    """A backup that a later version of this program has written."""
    maintenance_of(parse_url(url)).backup(parse_url(url), file)


def test_wrong_files_are_refused(storage_url: str, tmp_path: Path) -> None:
    make_study(storage_url, budget=2)
    before = everything(storage_url)
    for content, named in (
        (b"no backup at all", "is no backup of a database"),
        (b"", "is no backup of a database"),
        (b"PGDMP" if storage_url.startswith("sqlite") else b"SQLite format 3\0", "then `nas db copy`"),
    ):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(ParameterError, match=named):
            restore(storage_url, tmp_path / "file")
    with Store.open(storage_url, create=False):
        change(storage_url, "UPDATE nas_alembic_version SET version_num = '9999'")
        backup_of_newer(storage_url, tmp_path / "newer")
        change(storage_url, f"UPDATE nas_alembic_version SET version_num = '{HEAD}'")
    with pytest.raises(ParameterError, match="has schema 9999, newer than"):
        restore(storage_url, tmp_path / "newer")
    # Cut short, as by a full disk.
    backup(storage_url, tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    (tmp_path / "file").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StorageError):
        restore(storage_url, tmp_path / "file")
    assert everything(storage_url) == before
    assert check(storage_url) == []


def test_a_database_is_not_restored_from_itself_nor_from_another_programs(tmp_path: Path) -> None:
    import sqlite3

    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_study(url, budget=2)
    with pytest.raises(ParameterError, match="is the database itself"):
        restore(url, tmp_path / "nas.db")
    with pytest.raises(ParameterError, match="exists"):
        backup(url, tmp_path / "nas.db")
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE others (name)")
    with pytest.raises(ParameterError, match="without studies"):
        restore(f"sqlite:///{tmp_path / 'new.db'}", tmp_path / "other.db")
    with pytest.raises(StorageError, match="no database"):
        backup(f"sqlite:///{tmp_path / 'missing.db'}", tmp_path / "file")


def test_missing_programs_are_named(postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_study(postgres_database, budget=2)
    backup(postgres_database, tmp_path / "backup")
    monkeypatch.setenv("PATH", str(tmp_path))
    for program, call in (
        ("pg_dump", lambda: backup(postgres_database, tmp_path / "another")),
        ("pg_restore", lambda: restore(postgres_database, tmp_path / "backup")),
    ):
        with pytest.raises(StorageError, match=f"{program} is not installed here"):
            call()
    assert not (tmp_path / "another").exists()


def test_old_things_of_no_study_are_removed(storage_url: str) -> None:
    make_study(storage_url, name="kept", budget=4, supernet="supernet-kept")
    make_study(storage_url, name="archived", budget=3, supernet="supernet-archived")
    old, new = 100.0, time.time()
    with Store.open(storage_url, create=False) as store:
        for name, at in (("supernet-kept", old), ("supernet-archived", old), ("supernet-old", old), ("new", new)):
            store.put_artifact(Artifact(name, "supernet", {"epochs": 1}, bytes(100), at))
        architecture = store.trials(store.study("kept").study_id)[0].architecture
        store.put_artifact(weights_artifact("kept", 0, architecture.key, b"kept"))
        # Of a study that was deleted by an earlier version.
        store.put_artifact(Artifact(weights_artifact("gone", 0, "key", b"").name, "weights", {}, b"gone", old))
        for at in (old, new):
            store.add_audit_entry(AuditEntry(at, "alice", "10.0.0.9", "DELETE", "/", 204))
            for key, of in ((architecture.key, architecture), ("reference", None)):
                store.add_measurement(key, dataclasses.replace(measurement(1.0, 1.5), taken_at=at), of)
        measured = len(store.measurements())
        store.put_archived(store.study("archived").study_id, old, lambda _: True)
        planned = prune(store, storage_url, 1000.0, archived=True, dry_run=True)
        assert len(store.measurements()) == measured
        assert (planned.studies, planned.artifacts, planned.size_bytes) == (("archived",), 3, 204)
        pruned = prune(store, storage_url, 1000.0)
        assert (pruned.studies, pruned.artifacts, pruned.size_bytes) == ((), 2, 104)
        assert pruned.rows == planned.rows == {"measurements": 1, "audit entries": 1}
        assert len(store.measurements()) == measured - 1
        assert [entry.at for entry in store.audit_entries(10)] == [new]
        assert {*store.artifact_sizes()} == {
            *("supernet-kept", "supernet-archived", "new"),
            weights_artifact("kept", 0, "key", b"").name,
        }
        pruned = prune(store, storage_url, 1000.0, archived=True)
        assert (pruned.studies, pruned.artifacts) == (("archived",), 1)
        assert [record.name for record in store.studies()] == ["kept"]
        driver = living()
        store.put_archived(store.study("kept").study_id, old, lambda _: True)
        store.replace_driver(store.study("kept").study_id, driver, lambda _: True)
        with pytest.raises(UserError, match="is being searched"):
            prune(store, storage_url, 1000.0, archived=True)
    assert check(storage_url) == []
