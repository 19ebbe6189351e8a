"""A search as it is seen from outside: `nas status`, its log for programs, the dashboard's pages and metrics."""

import json
import logging
import os
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from nas.cli.event_log import EventLog
from nas.store.store import Store
from nas.trial import WORKER_LOST
from tests.builders import failed
from tests.conftest import run_nas
from tests.integration.searching import QUICK, RunningSearch, done, driver
from tests.serving import Served
from tests.studies import make_study, open_study


def test_a_running_search_and_its_log(tmp_path: Path) -> None:
    slower = ("--budget", "4", "--epochs", "40", "--no-early-stopping")
    search = RunningSearch(tmp_path, *QUICK, *slower, "--log-format", "json")
    # The workers are on record within seconds of their start, which a fast first trial does not wait for.
    search.wait_until(lambda: len(done(tmp_path)) >= 1 and bool(driver(tmp_path).get("workers")))
    # It stands still while it is looked at.
    os.kill(search.process.pid, signal.SIGSTOP)
    (shown,) = run_nas(["status", "--json"], tmp_path).json()
    told = run_nas(["status"], tmp_path)
    os.kill(search.process.pid, signal.SIGCONT)
    assert shown["driver"]["pid"] == search.process.pid
    assert sum(shown["workers"].values()) == 1
    assert shown["trials_per_hour"] > 0
    assert f"searched by process {search.process.pid}" in told.out
    code, out, err = search.finish()
    assert code == 0, err
    events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    kinds = [event["event"] for event in events]
    assert kinds[0] == "study opened"
    assert kinds.count("trial began") == kinds.count("trial ended") == 4
    (data,) = (event for event in events if event["event"] == "data")
    assert (len(data["classes"]), data["parts"], data["skipped"]) == (10, {"train": 1438}, {})
    ended = [event for event in events if event["event"] == "trial ended"]
    assert {event["study"] for event in events} == {shown["study"]}
    assert all(0 <= event["accuracy"] <= 1 and event["latency_ms"] > 0 for event in ended)
    assert (
        run_nas(["status"], tmp_path).out
        == "no search is running on this database; recorded studies: 1 (--all shows them)\n"
    )


def test_warnings_are_events_of_the_log_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    with EventLog(to_stderr=False, clock=lambda: 1.5):
        logging.getLogger("nas.store.retry").warning("the database is %s", "back")
    told = capsys.readouterr()
    assert json.loads(told.out) == {"time": 1.5, "event": "warning", "study": "", "message": "the database is back"}
    assert not told.err


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


def test_the_dashboard_serves_until_it_is_stopped(tmp_path: Path) -> None:
    make_study(f"sqlite:///{tmp_path / 'nas.db'}", budget=3)
    with Served(tmp_path) as served:
        with urllib.request.urlopen(f"{served.url}/studies/study", timeout=10) as answer:
            assert "Pareto front" in answer.read().decode()
        second = run_nas(["dashboard", "--port", str(served.port)], tmp_path)
        assert second.code == 2
        assert f"--port {served.port}" in second.err
    refused = run_nas(["dashboard", "--host", "0.0.0.0"], tmp_path)
    assert (refused.code, len(refused.err.splitlines())) == (2, 1)
