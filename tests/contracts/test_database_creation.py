"""Many processes that open the same new database at once."""

import multiprocessing
import threading
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from nas.errors import StorageError
from nas.store.creation import MAX_WAIT_S, creation_lock
from nas.store.engine import open_engine, parse_url
from nas.store.store import Store
from tests.studies import open_study

PROCESSES = 20


def first_search(url: str, number: int, barrier: Barrier, errors: "multiprocessing.SimpleQueue[str | None]") -> None:
    """Create the database and a study in it, at the same moment as all others."""
    try:
        barrier.wait()
        with Store.open(url, create=True) as store:
            open_study(store, url, name=f"study-{number}", budget=1)
        errors.put(None)
    except Exception as error:
        errors.put(f"{type(error).__name__}: {error}")


def test_all_processes_start_that_create_the_same_database(storage_url: str) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.contracts.test_database_creation", "alembic.command"])
    barrier, errors = context.Barrier(PROCESSES), context.SimpleQueue()
    arguments = ((storage_url, number, barrier, errors) for number in range(PROCESSES))
    processes = [context.Process(target=first_search, args=words) for words in arguments]
    for process in processes:
        process.start()
    assert [errors.get() for _ in processes] == [None] * PROCESSES
    for process in processes:
        process.join()
    with Store.open(storage_url, create=False) as store:
        assert {record.name for record in store.studies()} == {f"study-{number}" for number in range(PROCESSES)}


def test_one_thread_waits_for_another(storage_url: str) -> None:
    engine, order = open_engine(parse_url(storage_url)), list[str]()

    def second() -> None:
        with creation_lock(engine, "database"):
            order.append("second")

    thread = threading.Thread(target=second)
    with creation_lock(engine, "database"):
        thread.start()
        thread.join(0.3)
        order.append("first")
    thread.join()
    engine.dispose()
    assert order == ["first", "second"]


def test_a_process_that_creates_for_ever_is_not_waited_for(tmp_path: Path) -> None:
    engine, now = open_engine(parse_url(f"sqlite:///{tmp_path / 'nas.db'}")), [0.0]

    def sleep(_seconds: float) -> None:
        now[0] += MAX_WAIT_S

    with (
        creation_lock(engine, "nas.db"),
        pytest.raises(StorageError, match="another process has been creating it"),
        creation_lock(engine, "nas.db", lambda: now[0], sleep),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
