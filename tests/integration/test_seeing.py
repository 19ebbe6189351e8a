"""A search as it is seen from outside: `nas status`, its log for programs, the dashboard's pages and metrics."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from dashboard.access import Access, access, is_loopback
from dashboard.app import create_app
from nas.errors import ParameterError
from nas.store.store import Store
from nas.trial import WORKER_LOST
from tests.builders import failed
from tests.conftest import free_port, nas_script, run_nas
from tests.integration.searching import QUICK, RunningSearch, done
from tests.studies import make_study, open_study


def test_a_running_search_and_its_log(tmp_path: Path) -> None:
    slower = ("--budget", "4", "--epochs", "6", "--no-early-stopping")
    search = RunningSearch(tmp_path, *QUICK, *slower, "--log-format", "json")
    search.wait_until(lambda: len(done(tmp_path)) >= 1)
    # It stands still while it is looked at.
    os.kill(search.process.pid, signal.SIGSTOP)
    (shown,) = run_nas(["status", "--json"], tmp_path).json()
    told = run_nas(["status"], tmp_path)
    os.kill(search.process.pid, signal.SIGCONT)
    assert shown["driver"]["pid"] == search.process.pid
    assert sum(shown["workers"].values()) == 1
    assert shown["trials_per_hour"] > 0
    assert f"driven by process {search.process.pid}" in told.out
    code, out, err = search.finish()
    assert code == 0, err
    events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    kinds = [event["event"] for event in events]
    assert kinds[0] == "study opened"
    assert kinds.count("trial began") == kinds.count("trial ended") == 4
    ended = [event for event in events if event["event"] == "trial ended"]
    assert {event["study"] for event in events} == {shown["study"]}
    assert all(0 <= event["accuracy"] <= 1 and event["latency_ms"] > 0 for event in ended)
    assert (
        run_nas(["status"], tmp_path).out == "no search is running on this database; 1 studies are on record (--all)\n"
    )


def test_failures_are_counted_by_cause(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    with Store.open(url, create=True) as store:
        study = open_study(store, url, budget=4)
        for _ in range(2):
            study.tell(study.ask().number, failed("loss not finite"))
        study.interrupt(study.ask().number, WORKER_LOST, "it was killed")
    (shown,) = run_nas(["status", "--all", "--json"], tmp_path).json()
    assert shown["failures"] == {"loss not finite": 2, WORKER_LOST: 1}
    assert shown["last_error"] == {"cause": WORKER_LOST, "message": "it was killed"}
    assert not shown["running"]
    assert "last error: worker lost: it was killed" in run_nas(["status", "--all"], tmp_path).out


@pytest.fixture
def client(storage_url: str) -> Iterator[TestClient]:
    make_study(storage_url, name="<b>odd & ends</b>", budget=5)
    with Store.open(storage_url, create=False) as store:
        yield TestClient(create_app(store, storage_url, Access(("first", "second"))), raise_server_exceptions=False)


def test_pages_and_metrics(client: TestClient) -> None:
    assert client.get("/healthz").text == "ok\n"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic !"}, {"Authorization": "Bearer "}):
        for path in ("/", "/metrics", "/studies/study", "/optuna/api/studies"):
            assert client.get(path, headers=headers).status_code == 401
    client.headers["Authorization"] = "Bearer second"
    page = client.get("/").text
    assert "&lt;b&gt;odd &amp; ends&lt;/b&gt;" in page
    assert "<b>odd" not in page
    metrics = client.get("/metrics").text
    assert 'nas_trials{state="complete",study="<b>odd & ends</b>"} 5.0' in metrics
    assert 'nas_search_running{study="<b>odd & ends</b>"} 0.0' in metrics
    assert client.get("/studies/none").status_code == 404
    shown = client.get("/studies/%3Cb%3Eodd%20&%20ends%3C%2Fb%3E")
    assert shown.status_code == 200
    assert "<title>&lt;b&gt;odd &amp; ends" in shown.text
    assert client.get("/optuna/api/studies").json()["study_summaries"]
    assert client.get("/", auth=("anyone", "first")).status_code == 200


def test_who_may_come_in() -> None:
    assert access("127.0.0.1", {}).allows("")
    assert access("localhost", {}).allows("")
    assert not access("0.0.0.0", {"NAS_API_TOKEN": "word"}).allows("")
    assert access("0.0.0.0", {"NAS_API_TOKEN": "word"}).allows("Bearer word")
    for host in ("0.0.0.0", "::", "192.168.1.2", "example.org"):
        assert not is_loopback(host)
        with pytest.raises(ParameterError, match="NAS_API_TOKEN"):
            access(host, {"NAS_API_TOKEN": "  "})


def test_the_dashboard_serves_until_it_is_stopped(tmp_path: Path) -> None:
    make_study(f"sqlite:///{tmp_path / 'nas.db'}", budget=3)
    port = free_port()
    server = subprocess.Popen([nas_script(), "dashboard", "--port", str(port)], cwd=tmp_path, stdout=subprocess.PIPE)
    try:
        for _ in range(150):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/studies/study", timeout=10) as answer:
                    assert "Pareto front" in answer.read().decode()
                break
            except urllib.error.URLError:
                time.sleep(0.2)
        else:
            raise AssertionError("no answer")
        second = run_nas(["dashboard", "--port", str(port)], tmp_path)
        assert second.code == 2
        assert f"--port {port}" in second.err
    finally:
        server.terminate()
        assert server.wait(20) in (0, -15)
    refused = run_nas(["dashboard", "--host", "0.0.0.0"], tmp_path)
    assert (refused.code, len(refused.err.splitlines())) == (2, 1)
