"""The service: what it tells of studies, and searches that it starts, through its own client."""

import io
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from fastapi.testclient import TestClient

import nas
from dashboard.snapshot import Snapshots
from nas.errors import SearchInterruptedError, UserError
from nas.service.client import ServiceError
from nas.store.store import Store
from nas.trial import WORKER_LOST
from tests.builders import complete, failed
from tests.conftest import ROOT, run_nas
from tests.integration.searching import QUICK, RunningSearch, done
from tests.serving import Served, client_of
from tests.studies import make_study, open_study

ODD = "<b>odd & ends</b>"
# What QUICK asks of a search on the command line.
OPTIONS = {
    "space": "hybrid",
    "epochs": 1,
    "train_size": 100,
    "confirm": 0,
    "workers": 1,
    "baselines": ["none"],
    "latency_precision": "20%",
}


@pytest.fixture
def store(storage_url: str) -> Iterator[Store]:
    with Store.open(storage_url, create=True) as store:
        yield store


def test_an_empty_database_tells_what_to_do(store: Store, storage_url: str) -> None:
    client = client_of(store, storage_url)
    page = client.get("/").text
    assert "nas search --space hybrid --budget 20" in page
    assert client.get("/api/v1/studies").json() == []


def test_pages_and_metrics_of_a_study_with_an_odd_name(store: Store, storage_url: str) -> None:
    make_study(storage_url, name=ODD, budget=5)
    client = client_of(store, storage_url)
    page = client.get("/").text
    assert "&lt;b&gt;odd &amp; ends&lt;/b&gt;" in page
    assert "<b>odd" not in page
    metrics = client.get("/metrics").text
    assert f'nas_trials{{state="complete",study="{ODD}"}} 5.0' in metrics
    assert f'nas_search_running{{study="{ODD}"}} 0.0' in metrics
    there = "/studies/%3Cb%3Eodd%20&%20ends%3C%2Fb%3E"
    for path in (
        there,
        f"{there}/trials/0",
        f"{there}/compare?trial=0&trial=1",
        f"/compare?study={ODD.replace('&', '%26')}",
    ):
        shown = client.get(path, headers={"Accept": "text/html"})
        assert shown.status_code == 200
        assert "<b>odd" not in shown.text
        assert "odd" in shown.text
    assert client.get("/optuna/api/studies").json()["study_summaries"]
    missing = client.get("/studies/none", headers={"Accept": "text/html"})
    assert (missing.status_code, missing.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert client.get("/api/v1/studies/none").json()["detail"].startswith("unknown study 'none'")
    exported = client.get(f"/api/v1{there}/trials/0/export/yaml")
    assert exported.headers["content-disposition"] == 'attachment; filename="b-odd---ends--b-0.yaml"'


def test_what_is_told_of_a_study_is_what_the_command_line_tells(store: Store, storage_url: str) -> None:
    make_study(storage_url, budget=12)
    client = client_of(store, storage_url)
    front = client.get("/api/v1/studies/study/front").json()
    assert front["members"] == run_nas(["front", "--json", "--storage", storage_url], Path()).json()
    (summary,) = client.get("/api/v1/studies").json()
    assert summary == client.get("/api/v1/studies/study").json()
    assert summary["done"] == 12
    assert summary["front_size"] == len(front["members"])
    assert not summary["running"]
    trials = client.get("/api/v1/studies/study/trials").json()
    assert [trial["number"] for trial in trials["trials"]] == list(range(12))
    limit = front["members"][1]["latency_ms"]
    within = client.get("/api/v1/studies/study/front", params={"max_latency_ms": limit}).json()
    assert within["members"] == front["members"][:2]
    moments = client.get("/api/v1/studies/study/history").json()["moments"]
    assert moments[-1] == {**moments[-1], "trials": 12, "hypervolume": pytest.approx(summary["hypervolume"])}
    assert [moment["hypervolume"] for moment in moments] == sorted(moment["hypervolume"] for moment in moments)
    detail = client.get("/api/v1/studies/study/trials/3").json()
    assert detail["trial"] == trials["trials"][3]
    assert len(detail["stage_costs"]) == 2
    assert detail["measurements"][0]["target"] is None
    assert detail["curves"][0]["accuracy"][-1] == detail["trial"]["accuracy"]
    assert detail["curves"][0]["images"] == [None, 1000]
    for neighbour in detail["neighbours"]:
        assert neighbour["here"] != neighbour["there"]
    assert client.get("/api/v1/measurements", params={"key": detail["trial"]["key"]}).json()


def test_only_what_changed_is_told_again(store: Store, storage_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.snapshot.REFRESH_S", 0.0)
    study = open_study(store, storage_url, budget=6)
    study.tell(study.ask().number, complete(0.5, 2.0))
    client = client_of(store, storage_url)

    def late(after: str) -> tuple[str, bool, list[int]]:
        found = client.get("/api/v1/studies/study/trials", params={"after": after}).json()
        return found["revision"], found["complete"], [trial["number"] for trial in found["trials"]]

    first, whole, numbers = late("")
    assert (whole, numbers) == (True, [0])
    assert late(first) == (first, False, [])
    study.ask()
    second, whole, numbers = late(first)
    assert (whole, numbers) == (False, [1])
    study.tell(1, failed("loss not finite"))
    study.interrupt(study.ask().number, WORKER_LOST, "it was killed")
    third, _, numbers = late(second)
    assert numbers == [1, 2]
    assert late(first)[2] == [1, 2]
    assert late("another-1")[1:] == (True, [0, 1, 2])
    assert late(third)[2] == []
    summary = client.get("/api/v1/studies/study").json()
    assert summary["failures"] == {"loss not finite": 1, WORKER_LOST: 1}
    assert summary["last_error"] == {"cause": WORKER_LOST, "message": "it was killed"}


def test_a_study_that_begins_again_is_another_one(
    store: Store, storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.snapshot.REFRESH_S", 0.0)
    make_study(storage_url, budget=6)
    client = client_of(store, storage_url)
    assert client.get("/api/v1/studies/study").json()["done"] == 6
    assert client.delete("/api/v1/studies/study").status_code == 204
    assert client.get("/api/v1/studies").json() == []
    assert client.get("/optuna/api/studies").json()["study_summaries"] == []
    make_study(storage_url, budget=3)
    assert client.get("/api/v1/studies/study").json()["done"] == 3
    assert len(client.get("/api/v1/studies/study/trials").json()["trials"]) == 3


def test_a_request_that_a_full_disk_cut_short_hides_no_other(store: Store, storage_url: str, tmp_path: Path) -> None:
    (tmp_path / "searches" / "1").mkdir(parents=True)
    (tmp_path / "searches" / "1" / "request.json").write_text('{"options": {')
    client = client_of(store, storage_url, searches=tmp_path / "searches")
    assert client.get("/api/v1/searches").json() == []
    assert client.get("/api/v1/searches/1").status_code == 404


def test_readers_share_what_was_read(store: Store, storage_url: str) -> None:
    make_study(storage_url, budget=3)
    snapshots = Snapshots(store)
    assert snapshots.of("study") is snapshots.of("study")


def test_a_study_that_has_just_begun_is_found(store: Store, storage_url: str) -> None:
    snapshots = Snapshots(store)
    assert snapshots.all() == []
    make_study(storage_url, budget=3)
    assert len(snapshots.of("study").trials.by_number) == 3


def test_exports_are_downloads(store: Store, storage_url: str) -> None:
    make_study(storage_url, budget=4)
    client = client_of(store, storage_url)

    def get(form: str) -> bytes:
        answer = client.get(f"/api/v1/studies/study/trials/1/export/{form}")
        assert answer.status_code == 200, answer.text
        return answer.content

    assert b"schema_version" in get("yaml")
    assert get("python").startswith(b'"""')
    with zipfile.ZipFile(io.BytesIO(get("torch"))) as archive:
        assert sorted(archive.namelist()) == ["study-1/config.json", "study-1/weights.safetensors"]
        assert "nas-export-" not in archive.read("study-1/config.json").decode()
    assert client.get("/api/v1/studies/study/export/table").content.startswith(b"param:")
    assert client.get("/api/v1/studies/study/trials/1/export/none").status_code == 404
    assert client.get("/api/v1/studies/study/trials/99/export/yaml").status_code == 404


def test_options_are_checked_as_the_command_checks_them(store: Store, storage_url: str, tmp_path: Path) -> None:
    client = client_of(store, storage_url, searches=tmp_path / "searches")
    for options, words in (
        ({"space": "none"}, "unknown space 'none'"),
        ({"budget": 0}, "--budget 0 is below 1"),
        ({"budget": "many"}, "budget"),
        ({"learning_rate": -1}, "--learning-rate -1.0 is not a number above 0"),
        ({"latency_precision": "200%"}, "is not a share between 0 and 1"),
        ({"resource": ["gpu"]}, "is not NAME=AMOUNT"),
        ({"sampler": "none"}, "unknown sampler"),
        ({"nonsense": 1}, "nonsense"),
        ({"study": ""}, "--study '' is empty"),
    ):
        answer = client.post("/api/v1/searches", json=options)
        assert answer.status_code == 422
        assert words in answer.json()["detail"]
        assert "\n" not in answer.json()["detail"]
    assert not (tmp_path / "searches").exists()


def test_a_search_is_started_seen_and_outlives_the_web_process(tmp_path: Path) -> None:
    with Served(tmp_path) as served, nas.Client(served.url) as client:
        with pytest.raises(UserError, match="unknown space"):
            client.start(space="none")
        # Slow enough to be still at it when the server is back.
        started = client.start(**{**OPTIONS, "epochs": 8}, budget=200, study="from here")
        started = client.wait(started["id"], until=("running",))
        assert started["study"] == "from here"
        summaries = client.follow("from here")
        first = next(summaries)
        assert first["running"]
        assert first["budget"] == 200
        while next(summaries)["done"] < 2:
            pass
        with pytest.raises(UserError, match="is being searched by process"):
            client.delete("from here")
        served.stop()
        assert run_nas(["status", "--json"], tmp_path).json()[0]["running"]
        served.start()
        assert client.search(started["id"])["state"] == "running"
        with pytest.raises(UserError, match="is running: stop it first"):
            client.delete_search(started["id"])
        client.stop("from here")
        ended = client.wait(started["id"])
        assert (ended["state"], ended["ending"]) == ("stopped", "stopped by the user")
        stopped = client.study("from here")
        assert not stopped["running"]
        assert 2 <= stopped["done"] < 200
        with pytest.raises(UserError, match="is not being searched"):
            client.stop("from here")
        number = client.front("from here")["members"][0]["trial"]
        assert (
            client.export("from here", number, "yaml", tmp_path / "model.yaml").read_text().startswith("schema_version")
        )
        assert len(client.trials("from here")) >= stopped["done"]
        client.archive("from here")
        assert client.studies() == []
        client.rename("from here", "archived")
        client.note("archived", "a trial")
        assert [(study["name"], study["note"]) for study in client.studies(archived=True)] == [("archived", "a trial")]
        client.archive("archived", archived=False)
        client.delete("archived")
        assert client.studies() == []
        client.delete_search(started["id"])
        assert client.searches() == []
        assert not (tmp_path / "nas-searches" / started["id"]).exists()
        with pytest.raises(UserError, match="unknown search"):
            client.delete_search(started["id"])


def test_what_fails_after_it_was_started_says_why(tmp_path: Path) -> None:
    with Served(tmp_path) as served, nas.Client(served.url) as client:
        started = client.start(dataset="fashion-mnist")
        with pytest.raises(SearchInterruptedError, match="fashion-mnist"):
            client.wait(started["id"])
        assert client.searches()[0]["state"] == "failed"


def test_the_command_searches_through_the_service(tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.mkdir()
    with Served(tmp_path) as served:
        found = run_nas([*QUICK, "--budget", "3", "--service", served.url, "--json"], away)
        assert found.code == 0, found.err
        assert found.json()["trials"] == 3
        assert found.json()["ending"] == "the budget is on record"
        assert [trial.state for trial in done(tmp_path)] == ["complete"] * 3
        assert list(away.iterdir()) == []
        again = run_nas([*QUICK, "--budget", "3", "--service", served.url], away)
        assert "3 trials recorded (the budget is on record)" in again.out
        refused = run_nas([*QUICK, "--budget", "0", "--service", served.url], away)
        assert (refused.code, len(refused.err.splitlines())) == (2, 1)
        assert "--budget 0 is below 1" in refused.err
        refused = run_nas([*QUICK, "--storage", "sqlite:///x.db", "--service", served.url], away)
        assert (refused.code, len(refused.err.splitlines())) == (2, 1)
    gone = run_nas([*QUICK, "--service", served.url], away)
    assert (gone.code, len(gone.err.splitlines())) == (1, 1)
    assert "cannot be reached" in gone.err


@pytest.mark.slow
def test_a_search_from_a_shell_is_stopped_from_the_page(tmp_path: Path) -> None:
    # So many that it is still at it when it is stopped, however busy the machine is.
    search = RunningSearch(tmp_path, *QUICK, "--budget", "1000")
    search.wait_until(lambda: len(done(tmp_path)) >= 1)
    with Served(tmp_path) as served, nas.Client(served.url) as client:
        (study,) = client.studies()
        assert study["running"]
        client.stop(study["name"])
        code, _, err = search.finish()
        assert code == 130, err
        assert "goes on with this study" in err
        assert not client.study(study["name"])["running"]


@pytest.mark.slow
def test_the_documented_program_runs(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "dashboard.md").read_text(), flags=re.DOTALL)
    assert "budget=50, max_latency=2.5" in program
    small = ", ".join(f"{name}={value!r}" for name, value in OPTIONS.items() if name != "space")
    with Served(tmp_path) as served:
        program = program.replace("http://127.0.0.1:8080", served.url).replace(
            "budget=50, max_latency=2.5", f"budget=2, {small}"
        )
        done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "model.onnx").stat().st_size > 10_000


def test_a_dead_service_is_told_of(tmp_path: Path) -> None:
    with nas.Client("http://127.0.0.1:9") as client, pytest.raises(ServiceError, match="cannot be reached"):
        client.studies()
    for address in ("http://[", "127.0.0.1:8080", "ftp://host", ""):
        with pytest.raises(UserError, match="not an address"):
            nas.Client(address)


@pytest.mark.slow
def test_a_killed_search_is_told_of(tmp_path: Path) -> None:
    with Served(tmp_path) as served, nas.Client(served.url) as client:
        started = client.wait(client.start(**OPTIONS, budget=50)["id"], until=("running",))
        (driver,) = run_nas(["status", "--json"], tmp_path).json()
        os.kill(driver["driver"]["pid"], signal.SIGKILL)
        while client.search(started["id"])["state"] == "running":
            time.sleep(0.2)
        assert client.search(started["id"])["state"] in ("stopped", "failed")
        # Nobody leaves it behind as a zombie: whoever asks next takes it away.
        while psutil.pid_exists(driver["driver"]["pid"]):
            client.search(started["id"])
            time.sleep(0.2)
        # The same options go on with it.
        again = client.wait(client.start(**OPTIONS, budget=1)["id"])
        assert (again["state"], again["study"]) == ("ended", started["study"])


def test_streams_of_events(store: Store, storage_url: str) -> None:
    make_study(storage_url, budget=2)
    client: TestClient = client_of(store, storage_url)
    assert client.get("/api/v1/studies/none/events").status_code == 404
    assert client.get("/api/v1/searches/none/events").status_code == 404
