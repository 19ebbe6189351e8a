"""The lock that allows one driver per study, on one machine and on several."""

import queue
import socket
import time
from pathlib import Path

import pytest

from nas.errors import SearchInterruptedError, UserError
from nas.store.store import Store
from nas.study import driver_lock
from nas.study.driver_lock import MAX_SILENCE_S, drive, is_alive
from nas.trial import TrialState
from tests.builders import synthetic
from tests.studies import make_study, open_study, run

ELSEWHERE = {"host": "another machine", "pid": 4711, "started_at": 1.0}


@pytest.fixture
def url(storage_url: str) -> str:
    make_study(storage_url, budget=2)
    return storage_url


def test_a_driver_is_recorded_while_it_drives(url: str) -> None:
    with Store.open(url, create=False) as store:
        study_id = store.study().study_id
        with drive(store, study_id, "study", lambda: {"workers": {"node": 2}}) as lock:
            present = store.driver(study_id)
            assert present["host"] == socket.gethostname()
            assert present["workers"] == {"node": 2}
            assert is_alive(present, time.time())
            lock.check()
        assert store.driver(study_id) is None


def test_a_second_one_is_refused_until_the_first_is_silent(url: str) -> None:
    with Store.open(url, create=False) as store:
        study_id = store.study().study_id
        store.replace_driver(study_id, {**ELSEWHERE, "seen_at": 1000.0}, lambda _: True)
        with (
            pytest.raises(UserError, match="process 4711 on another machine"),
            drive(store, study_id, "study", clock=lambda: 1000.0 + MAX_SILENCE_S - 1),
        ):
            pass
        with drive(store, study_id, "study", clock=lambda: 1000.0 + MAX_SILENCE_S + 1):
            assert store.driver(study_id)["host"] == socket.gethostname()


def test_a_dead_process_of_this_machine_is_replaced_at_once(url: str) -> None:
    with Store.open(url, create=False) as store:
        study_id = store.study().study_id
        dead = {"host": socket.gethostname(), "pid": 1, "started_at": 1.0, "seen_at": time.time()}
        store.replace_driver(study_id, dead, lambda _: True)
        with drive(store, study_id, "study"):
            pass


def test_a_driver_that_was_replaced_stops_when_it_finds_out(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_lock, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(driver_lock, "POLL_S", 0.02)
    with Store.open(url, create=False) as store:
        study_id = store.study().study_id
        with drive(store, study_id, "study") as lock:
            other = {**ELSEWHERE, "seen_at": time.time()}
            store.replace_driver(study_id, other, lambda _: True)
            with pytest.raises(SearchInterruptedError, match="driven by another process"):
                lock.check()
            # Time for some heartbeats.
            time.sleep(0.5)
        # It leaves the other one's name where it is.
        assert store.driver(study_id) == other


def test_a_driver_that_is_asked_to_stop_hears_it_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_lock, "POLL_S", 0.02)
    stops: queue.Queue[int] = queue.Queue()
    with Store.open(url, create=False) as store:
        study_id = store.study().study_id
        # What was asked of an earlier one is not asked of this one.
        store.ask_to_stop(study_id, time.time())
        with drive(store, study_id, "study", stop=lambda: stops.put(1)):
            assert not store.is_asked_to_stop(study_id)
            store.ask_to_stop(study_id, time.time())
            assert stops.get(timeout=10)
            assert not store.is_asked_to_stop(study_id)
            with pytest.raises(queue.Empty):
                stops.get(timeout=0.2)


def test_a_changed_report_does_not_wait_for_the_next_heartbeat(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_lock, "POLL_S", 0.02)
    workers: dict[str, int] = {}
    with Store.open(url, create=False) as store:
        study_id = store.study().study_id
        with drive(store, study_id, "study", lambda: {"workers": dict(workers)}):
            workers["node"] = 2
            end = time.monotonic() + driver_lock.HEARTBEAT_S / 2
            while not store.driver(study_id)["workers"]:
                assert time.monotonic() < end, "the change is not stored"
                time.sleep(0.02)


def test_a_study_asks_for_nothing_more_when_its_lock_is_lost(tmp_path: Path) -> None:
    def lost() -> None:
        raise SearchInterruptedError("lost")

    url = f"sqlite:///{tmp_path / 'nas.db'}"
    with Store.open(url, create=True) as store:
        study = open_study(store, url, budget=4)
        study._check_driver = lost
        with pytest.raises(SearchInterruptedError):
            study.ask()
        assert study.trials == []


def test_a_driver_that_lost_its_lock_leaves_the_new_drivers_trials_alone(url: str) -> None:
    with Store.open(url, create=False) as store, drive(store, store.study().study_id, "study") as lock:
        silent = open_study(store, url, budget=6)
        silent._check_driver = lock.check
        store.replace_driver(store.study().study_id, {**ELSEWHERE, "seen_at": time.time()}, lambda _: True)
        new = open_study(store, url, budget=6)
        trial = new.ask()
        with pytest.raises(SearchInterruptedError):
            silent.recover("search broke down")
        new.tell(trial.number, synthetic(trial.architecture))
        assert store.trials(store.study().study_id)[-1].state is TrialState.COMPLETE


def test_a_trial_that_another_process_ended_is_over_for_this_one_too(url: str) -> None:
    with Store.open(url, create=False) as store:
        one = open_study(store, url, budget=3)
        trial = one.ask()
        # Which takes the first for dead.
        other = open_study(store, url, budget=3)
        other.recover("driver killed")
        one.tell(trial.number, synthetic(trial.architecture))
        (here,) = (other_trial for other_trial in one.trials if other_trial.number == trial.number)
        assert here.state is TrialState.INTERRUPTED
        run(one)
        assert one.is_over
