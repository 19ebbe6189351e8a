"""Reading never blocks writing: 16 readers poll the dashboard's service while 8 searches write to the same database."""

import multiprocessing
import threading
from pathlib import Path

import httpx
import pytest

from nas.store.check import check
from nas.store.store import Store
from tests.serving import Served
from tests.studies import make_study

WRITERS, READERS, BUDGET = 8, 16, 6
spawn = multiprocessing.get_context("spawn")


def write(url: str, number: int) -> None:
    make_study(url, name=f"study {number}", budget=BUDGET)


def poll(url: str, client_number: int, ended: threading.Event, refused: list[str], answered: list[int]) -> None:
    transport = httpx.HTTPTransport(local_address=f"127.0.0.{100 + client_number}")
    with httpx.Client(transport=transport, base_url=f"{url}/api/v1", timeout=60) as client:
        while not ended.is_set():
            for question in ("/studies", *(f"/studies/study {number}/front" for number in range(WRITERS))):
                try:
                    answer = client.get(question)
                except httpx.HTTPError as error:
                    refused.append(f"{question}: {error!r}")
                    continue
                # A study that has not begun is not there yet.
                if not answer.is_success and answer.status_code != 404:
                    refused.append(f"{question}: {answer.status_code} {answer.text}")
                answered.append(answer.status_code)


@pytest.mark.parametrize("storage_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True)
def test_readers_and_writers(storage_url: str, tmp_path: Path) -> None:
    with Store.open(storage_url, create=True), Served(tmp_path, "--storage", storage_url) as served:
        ended, refused, answered = threading.Event(), list[str](), list[int]()
        readers = [
            threading.Thread(target=poll, args=(served.url, number, ended, refused, answered))
            for number in range(READERS)
        ]
        writers = [spawn.Process(target=write, args=(storage_url, number)) for number in range(WRITERS)]
        for worker in (*readers, *writers):
            worker.start()
        for writer in writers:
            writer.join()
        ended.set()
        for reader in readers:
            reader.join()
        assert [writer.exitcode for writer in writers] == [0] * WRITERS
        assert refused == []
        assert answered.count(200) > READERS
        told = httpx.get(f"{served.url}/api/v1/studies", timeout=60).json()
    with Store.open(storage_url, create=False) as store:
        written = {record.name: len(store.trials(record.study_id)) for record in store.studies()}
    assert written == {f"study {number}": BUDGET for number in range(WRITERS)}
    assert sum(study["done"] for study in told) in range(WRITERS * BUDGET + 1)
    assert check(storage_url) == []
    assert "locked" not in (tmp_path / "dashboard.log").read_text()
