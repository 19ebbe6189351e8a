"""PostgreSQL goes away in the middle of a search and comes back: nothing is lost and the search goes on by itself."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas.store.check import check
from nas.store.retry import is_connection_lost, retry
from nas.store.store import Store
from nas.trial import TrialState
from tests.builders import synthetic
from tests.conftest import free_port, run_nas
from tests.integration.searching import QUICK, RunningSearch
from tests.postgres import PostgresServer, programs
from tests.serving import client_of
from tests.studies import open_study


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One that these tests may stop."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with PostgresServer(free_port()) as running:
        yield running


def test_a_study_outlives_restarts_between_any_two_calls(server: PostgresServer) -> None:
    url = server.create("restarts")

    def restart() -> None:
        server.stop()
        server.start()

    with Store.open(url, create=True) as store:
        study = open_study(store, url, budget=3)
        while True:
            restart()
            trial = study.ask()
            if trial is None:
                break
            restart()
            study.tell(trial.number, synthetic(trial.architecture))
        trials = store.trials(store.study().study_id)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 3
    assert len({trial.architecture.key for trial in trials}) == 3
    assert check(url) == []


def test_a_call_that_is_cut_off_is_made_again(server: PostgresServer) -> None:
    url = server.create("cut_off")
    calls = []
    with Store.open(url, create=True) as store:

        def select() -> int:
            with store._begin() as connection:
                calls.append(1)
                if len(calls) == 1:
                    server.stop()
                    server.start()
                return connection.exec_driver_sql("SELECT 7").scalar_one()

        assert retry(select) == 7
    assert len(calls) == 2
    assert not is_connection_lost(ValueError("another error"))


@pytest.mark.timeout(400)
@pytest.mark.slow
def test_a_search_waits_for_its_database(server: PostgresServer, tmp_path: Path) -> None:
    url = server.create("search")
    search = RunningSearch(tmp_path, *QUICK, "--budget", "12", "--epochs", "4", "--storage", url)

    def done() -> int:
        with Store.open(url, create=True) as store:
            return sum(trial.state.is_done for record in store.studies() for trial in store.trials(record.study_id))

    search.wait_until(lambda: done() >= 2)
    server.stop()
    time.sleep(15)
    assert search.process.poll() is None
    server.start()
    code, _, err = search.finish()
    assert code == 0, err
    assert "Traceback" not in err
    assert done() == 12
    assert check(url) == []


def test_the_dashboard_says_that_its_database_is_away(server: PostgresServer, tmp_path: Path) -> None:
    url = server.create("served")
    with Store.open(url, create=True, max_wait_s=0.0) as store:
        # As a browser or Prometheus sees it: an answer, whatever there is to say.
        client = client_of(store, url, searches=tmp_path)
        assert client.get("/healthz").status_code == 200
        server.stop()
        for path in ("/healthz", "/metrics", "/api/v1/studies"):
            assert client.get(path).status_code == 503, path
        server.start()
        assert client.get("/healthz").status_code == 200


def test_an_unescaped_password_is_not_repeated(tmp_path: Path) -> None:
    url = "postgresql+psycopg://nas:sec@ret#1@127.0.0.1/nas"
    refused = run_nas(["studies", "--storage", url], tmp_path)
    assert refused.code == 2
    assert "%40" in refused.err
    assert "ret#1" not in refused.err


def test_a_wrong_address_is_an_error_at_once(tmp_path: Path) -> None:
    began = time.monotonic()
    url = f"postgresql+psycopg://nas:secret@127.0.0.1:{free_port()}/nas"
    refused = run_nas(["studies", "--storage", url], tmp_path)
    assert time.monotonic() - began < 60
    assert refused.code == 2
    assert len(refused.err.strip().splitlines()) == 1
    assert "secret" not in refused.err
