"""Ctrl-C, kill -9 and company: what was finished stays finished, once, and the same command goes on."""

import os
import random
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import optuna
import psutil
import pytest

from nas.trial import TrialState
from tests.conftest import free_port, nas_script, run_nas
from tests.integration.searching import QUICK, RunningSearch, done, trials, wait_for_end

# Trials of several seconds: the search must still be at it when the test comes to kill it.
SLOWER = (
    *("search", "--space", "hybrid", "--batch-size", "32", "--no-early-stopping"),
    *("--baselines", "none", "--latency-precision", "20%"),
)


def assert_recorded_once(folder: Path, budget: int) -> None:
    finished = done(folder)
    assert len(finished) == budget
    assert len({trial.architecture.key for trial in finished}) == budget
    assert {trial.state.value for trial in trials(folder)} <= {"complete", "stopped", "interrupted"}


def test_ctrl_c_and_readers_and_a_second_driver(tmp_path: Path) -> None:
    command = (*SLOWER, "--epochs", "12", "--budget", "3", "--confirm", "0", "--workers", "1")
    search = RunningSearch(tmp_path, *command)
    search.wait_until(lambda: len(done(tmp_path)) >= 1)

    second = run_nas(command, tmp_path)
    assert second.code == 2
    assert f"is being searched by process {search.process.pid}" in second.err

    for _ in range(2):
        front = run_nas(["front", "--json"], tmp_path)
        assert front.code == 0, front.err
        study = optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path / 'nas.db'}")
        assert len(study.trials) >= 1

    processes = search.descendants()
    search.interrupt()
    code, out, err = search.finish()
    assert code == 130, err
    assert "trial  mixers" in out
    assert "(stopped by the user)" in out
    assert "the same command goes on" in err
    assert "Traceback" not in err
    assert wait_for_end(processes) == []
    recorded = trials(tmp_path)
    assert {trial.state.value for trial in recorded} <= {"complete", "stopped", "interrupted"}
    assert next(t for t in recorded if t.state.value == "interrupted").outcome.failure.cause == "stopped by the user"
    # That is nobody's failure.
    (shown,) = run_nas(["status", "--all", "--json"], tmp_path).json()
    assert shown["failures"] == {}
    states = {t.state for t in optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path / 'nas.db'}").trials}
    assert optuna.trial.TrialState.RUNNING not in states

    finished = {trial.number for trial in done(tmp_path)}
    # A search brings its study back from the archive.
    (study,) = run_nas(["studies", "--json"], tmp_path).json()
    run_nas(["studies", "archive", study["study"]], tmp_path)
    assert run_nas(["studies", "--json"], tmp_path).json() == []
    again = run_nas(command, tmp_path)
    assert again.code == 0, again.err
    assert [study["archived_at"] for study in run_nas(["studies", "--json"], tmp_path).json()] == [None]
    assert finished <= {trial.number for trial in done(tmp_path)}
    assert_recorded_once(tmp_path, 3)


def kill_and_go_on(folder: Path, budget: int, kills: int, generator: random.Random) -> None:
    """Kill the driver or a worker at random moments, `kills` times, then let the same command end."""
    command = (*SLOWER, "--epochs", "3", "--budget", str(budget))
    finished: set[int] = set()
    descendants: list[psutil.Process] = []
    for _ in range(kills):
        search = RunningSearch(folder, *command)
        before = len(done(folder))
        wanted = before + generator.choice((0, 1))
        search.wait_until(lambda wanted=wanted, search=search: len(done(folder)) >= wanted and bool(search.workers()))
        time.sleep(generator.uniform(0, 3))
        if generator.random() < 0.5:
            victims = search.workers()
            generator.choice(victims).send_signal(signal.SIGKILL)
            time.sleep(generator.uniform(0, 2))
        descendants += search.descendants()
        os.kill(search.process.pid, signal.SIGKILL)
        search.process.wait()
        now = {trial.number for trial in done(folder)}
        assert finished <= now
        finished = now
    last = run_nas(command, folder, timeout_s=1100)
    assert last.code == 0, last.err
    assert finished <= {trial.number for trial in done(folder)}
    assert_recorded_once(folder, budget)
    assert wait_for_end(descendants) == []


@pytest.mark.slow
def test_kill_the_driver_and_a_worker(tmp_path: Path) -> None:
    kill_and_go_on(tmp_path, budget=10, kills=2, generator=random.Random(1))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(3))
def test_kill_five_times(seed: int, tmp_path: Path) -> None:
    kill_and_go_on(tmp_path, budget=40, kills=5, generator=random.Random(seed))


def test_a_search_that_is_told_to_end_stops_as_by_ctrl_c(tmp_path: Path) -> None:
    search = RunningSearch(tmp_path, *QUICK, "--budget", "50")
    search.wait_until(lambda: len(done(tmp_path)) >= 1)
    search.process.send_signal(signal.SIGTERM)
    code, _, err = search.finish()
    assert code == 130, err
    assert "Traceback" not in err
    assert "goes on with this study" in err
    assert not any(trial.state is TrialState.RUNNING for trial in trials(tmp_path))


def test_a_killed_worker_is_replaced_and_its_trial_tried_again(tmp_path: Path) -> None:
    search = RunningSearch(tmp_path, *QUICK, "--budget", "16", "--workers", "2")
    search.wait_until(lambda: len(done(tmp_path)) >= 1 and bool(search.workers()))
    search.workers()[0].send_signal(signal.SIGKILL)
    code, _, err = search.finish()
    assert code == 0, err
    assert_recorded_once(tmp_path, 16)


def test_ctrl_c_twice_while_ray_starts_leaves_nothing_behind(tmp_path: Path) -> None:
    search = RunningSearch(tmp_path, *QUICK, "--budget", "50")
    search.wait_until(lambda: any(process.name() == "gcs_server" for process in search.descendants()))
    search.interrupt()
    time.sleep(0.4)
    search.interrupt()
    family = set()
    while search.process.poll() is None:
        family |= set(search.descendants())
        time.sleep(0.05)
    code, _, err = search.finish()
    assert code == 130, err
    assert "Traceback" not in err
    assert wait_for_end(list(family), timeout_s=40) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_a_search_that_loses_a_process_of_rays_says_so_and_goes_on(name: str, tmp_path: Path) -> None:
    search = RunningSearch(tmp_path, *QUICK, "--budget", "50")
    search.wait_until(lambda: len(done(tmp_path)) >= 1)
    family = search.descendants()
    next(process for process in family if process.name() == name).kill()
    code, _, err = search.finish()
    assert code == 1, err
    assert f"nas: error: Ray broke down (its {name} ended); the same command goes on with the study" in err
    assert "Traceback" not in err
    assert wait_for_end(family) == []
    finished = len(done(tmp_path))
    again = run_nas([*QUICK, "--budget", str(finished + 2)], tmp_path)
    assert again.code == 0, again.err
    assert_recorded_once(tmp_path, finished + 2)


def test_optuna_dashboard_opens_the_database(tmp_path: Path) -> None:
    from tests.studies import make_study

    make_study(f"sqlite:///{tmp_path / 'nas.db'}", budget=4)
    port = free_port()
    server = subprocess.Popen(
        [Path(nas_script()).with_name("optuna-dashboard"), "sqlite:///nas.db", "--port", str(port)],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        body = _get(f"http://127.0.0.1:{port}/api/studies")
        assert '"study_name":"study"' in body.replace(" ", "")
        study = _get(f"http://127.0.0.1:{port}/api/studies/1").replace(" ", "")
        assert '"latency_ms"' in study
        assert '"architecture"' in study
    finally:
        psutil.Process(server.pid).kill()
        server.wait()


def _get(url: str) -> str:
    for _ in range(100):
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return response.read().decode()
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"no answer from {url}")
