"""Studies are deleted, archived, renamed and annotated, on every database; what only they use goes with them."""

import json
import os
import re
import socket
from pathlib import Path

import psutil
import pytest

from nas.errors import ParameterError, UserError
from nas.store.artifact import Artifact
from nas.store.check import check
from nas.store.network_weights import weights_artifact, weights_name
from nas.store.store import Store
from nas.study import curation
from nas.study.baseline import KIND as BASELINE
from nas.study.baseline import artifact_prefix
from tests.conftest import Finished, run_nas
from tests.studies import make_study, open_study, run


def made(url: str) -> None:
    """Two studies with one supernet, baseline and weights each, one with others, and a supernet of no study."""
    make_study(url, name="one", budget=4, supernet="supernet-a")
    make_study(url, name="two", budget=3, supernet="supernet-a")
    make_study(url, name="three", budget=3, supernet="supernet-b", epochs=3)
    with Store.open(url, create=False) as store:
        for name in ("supernet-a", "supernet-b", "supernet-alone"):
            store.put_artifact(Artifact(name, "supernet", {"epochs": 1}, bytes(1000), 5.0))
        for study in ("one", "three"):
            prefix = artifact_prefix(store.study(study).settings)
            store.put_artifact(Artifact(f"{prefix}{0:016}", BASELINE, {}, updated_at=5.0))
        for study in ("one", "two"):
            first = store.trials(store.study(study).study_id)[0].architecture
            for number in (0, 11):
                store.put_artifact(weights_artifact(study, number, first.key, study.encode() * 10))


def names(store: Store) -> list[str]:
    return sorted(record.name for record in store.studies())


def test_artifacts_go_with_the_last_study_that_uses_them(storage_url: str) -> None:
    made(storage_url)
    with Store.open(storage_url, create=False) as store:
        measured = len(store.measurements())
        before = set(store.artifact_sizes())
        assert curation.delete(store, storage_url, store.study("one")) == (2, 60)
        gone = {weights_name("one", 0), weights_name("one", 11)}
        assert set(store.artifact_sizes()) == before - gone
        assert curation.delete(store, storage_url, store.study("two")) == (4, 1060)
        left = {name.partition("-")[0]: size for name, size in store.artifact_sizes().items()}
        assert set(store.artifact_sizes()) >= {"supernet-b", "supernet-alone"}
        assert (len(store.artifact_sizes()), left["baseline"]) == (3, 0)
        assert curation.delete(store, storage_url, store.study("three")) == (2, 1000)
        assert store.artifact_sizes() == {"supernet-alone": 1000}
        assert names(store) == []
        assert len(store.measurements()) == measured
    assert check(storage_url) == []


def test_a_renamed_study_goes_on_under_its_new_name(storage_url: str) -> None:
    made(storage_url)
    with Store.open(storage_url, create=False) as store:
        before = store.study("one")
        # Of an earlier study of the new name: they are not this study's.
        store.put_artifact(weights_artifact("first of all", 7, "key", b"old"))
        curation.rename(store, before, "first of all")
        assert names(store) == ["first of all", "three", "two"]
        assert store.study("first of all").counts == before.counts
        weights = store.artifact(weights_name("first of all", 11))
        assert weights is not None
        assert (weights.content, weights.details["study"]) == (b"one" * 10, "first of all")
        assert store.artifact(weights_name("first of all", 7)) is None
        assert store.artifact(weights_name("one", 0)) is None
        assert store.artifact(weights_name("two", 0)) is not None
        study = open_study(store, storage_url, name="first of all", budget=6, supernet="supernet-a")
        run(study)
        assert study.done == 6
        wrong = {"two": "another study's", "": "1 to 512", " x": "spaces", "x" * 513: "512", "a\0": "printable"}
        for name, reason in wrong.items():
            with pytest.raises(ParameterError, match=reason):
                curation.rename(store, store.study("three"), name)
        curation.rename(store, store.study("three"), "three")
        assert names(store) == ["first of all", "three", "two"]
    assert check(storage_url) == []


def test_a_study_that_is_being_searched_is_neither_deleted_nor_renamed_nor_archived(storage_url: str) -> None:
    made(storage_url)
    with Store.open(storage_url, create=False) as store:
        record = store.study("one")
        # Alive, and not this process, which holds the lock while it deletes.
        parent = psutil.Process(os.getppid())
        driver = {"host": socket.gethostname(), "pid": parent.pid, "started_at": parent.create_time()}
        store.replace_driver(record.study_id, driver, lambda _: True)
        for change in (
            lambda: curation.delete(store, storage_url, record),
            lambda: curation.rename(store, record, "new"),
            lambda: curation.archive(store, record, 1.0),
        ):
            with pytest.raises(UserError, match=rf"'one' is being searched by process {parent.pid} on .*; stop it"):
                change()
        store.put_note(record.study_id, "runs")
        assert store.study("one").note == "runs"
        assert store.driver(record.study_id) == driver
        # One that has been killed stands against nothing, and what it left is the next search's to recover.
        killed = {**driver, "started_at": 0.0}
        store.replace_driver(record.study_id, killed, lambda _: True)
        curation.rename(store, record, "new")
        curation.archive(store, store.study("new"), 1.0)
        assert store.driver(record.study_id) == killed
        curation.delete(store, storage_url, store.study("new"))
        assert names(store) == ["three", "two"]


def nas(folder: Path, *words: str) -> Finished:
    return run_nas(["studies", *words], folder)


def listed(folder: Path, *words: str) -> dict[str, str]:
    return {study["study"]: study["note"] for study in nas(folder, "--json", *words).json()}


def test_the_commands(tmp_path: Path) -> None:
    made(f"sqlite:///{tmp_path / 'nas.db'}")
    with Store.open(f"sqlite:///{tmp_path / 'nas.db'}", create=False) as store:
        # They are no real ones, which fronts would show.
        store.remove_artifacts([artifact.name for artifact in store.artifacts(BASELINE)])
    assert nas(tmp_path, "archive", "three", "two").out == "archived study three\narchived study two\n"
    assert listed(tmp_path) == {"one": ""}
    assert list(listed(tmp_path, "--archived")) == ["three", "two", "one"]
    assert "two (archived)" in nas(tmp_path, "--archived").out
    assert "two" not in nas(tmp_path).out
    # What names no study takes the newest of those that are not archived.
    assert run_nas(["front"], tmp_path).out == run_nas(["front", "--study", "one"], tmp_path).out
    assert run_nas(["front", "--study", "two"], tmp_path).code == 0
    assert len(run_nas(["status", "--all", "--json"], tmp_path).json()) == 1
    assert nas(tmp_path, "archive", "one").code == 0
    assert "all studies" in run_nas(["front"], tmp_path).err
    assert nas(tmp_path, "archive", "--undo", "one", "two").out == "brought back study one\nbrought back study two\n"
    assert nas(tmp_path, "note", "one", " the first [try] ").out == "noted on study one\n"
    assert nas(tmp_path, "note", "one").out == "the first [try]\n"
    assert listed(tmp_path) == {"two": "", "one": "the first [try]"}
    assert "the first [try]" in nas(tmp_path).out
    assert nas(tmp_path, "note", "one", "").out == "removed the note on study one\n"
    assert "note" not in nas(tmp_path).out
    assert nas(tmp_path, "rename", "one", "first").out == "renamed study one to first\n"
    deleted = nas(tmp_path, "delete", "first", "two")
    assert deleted.out == (
        "deleted study first: trials 4, artifacts 2 (60 B)\ndeleted study two: trials 3, artifacts 3 (1.06 kB)\n"
    )
    assert list(listed(tmp_path, "--archived")) == ["three"]
    for words, named in (
        (("delete", "three", "none"), "unknown study 'none'"),
        (("rename", "three", ""), "study name ''"),
        (("--storage", "sqlite:///nas.db", "delete", "three"), "options belong after the command"),
        (("delete",), "NAME"),
    ):
        refused = nas(tmp_path, *words)
        assert (refused.code, refused.out) == (2, ""), words
        assert named in refused.err
        assert re.fullmatch(r"nas: error: .*\n", refused.err), refused.err
    assert json.loads(nas(tmp_path, "--json", "--archived").out)[0]["archived_at"] is not None
