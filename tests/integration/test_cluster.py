"""Several nodes share a search: raylets with addresses of their own on this machine, started as a user starts them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import free_port, run_nas
from tests.integration.searching import QUICK, RunningSearch, done, trials

ENVIRONMENT = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "RAY_memory_monitor_refresh_ms": "0"}


class Nodes:
    """`ray start` on this machine, a process group for each node."""

    def __init__(self, folder: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *options: str, **environment: str) -> None:
        """A node of that name, up when this returns; the first one is the head."""
        port = self.address.partition(":")[2]
        head = ("--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false")
        joined = ("--address", self.address) if self._running else head
        addresses = (f"--node-ip-address=127.0.0.{len(self._running) + 1}", f"--node-name={name}")
        self._running[name] = subprocess.Popen(
            [Path(sys.executable).with_name("ray"), "start", *joined, *addresses, *options,
             "--disable-usage-stats", "--block"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | environment,
            start_new_session=True,
            cwd=self._folder,
        )  # fmt: skip
        output = self._running[name].stdout
        assert output is not None
        seen = b""
        while b"--block" not in seen:
            line = output.readline()
            assert line, seen.decode()
            seen += line

    def kill(self, name: str) -> None:
        """The node and all its processes, at once."""
        process = self._running.pop(name)
        victims = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for victim in victims:
            try:
                victim.kill()
            except psutil.NoSuchProcess:
                continue
        process.wait()

    def kill_raylets(self) -> None:
        for process in self._running.values():
            for child in psutil.Process(process.pid).children(recursive=True):
                if child.name() == "raylet":
                    child.kill()

    def end(self) -> None:
        for name in list(self._running)[::-1]:
            self.kill(name)


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    started = Nodes(tmp_path)
    started.start("head")
    try:
        yield started
    finally:
        started.end()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_a_node_is_lost_and_another_joins(nodes: Nodes, tmp_path: Path) -> None:
    nodes.start("one", "--num-cpus=1", '--resources={"small": 1}')
    nodes.start("two", "--num-cpus=1", '--resources={"small": 1}')
    command = ("search", "--space", "hybrid", "--epochs", "9", "--train-size", "400", "--confirm", "0")
    placed = ("--ray-address", nodes.address, "--resource", "small=1", "--budget", "10")
    search = RunningSearch(tmp_path, *command, *placed, "--log-format", "json")
    search.wait_until(lambda: len(done(tmp_path)) >= 3, timeout_s=480)
    shown = run_nas(["status", "--json"], tmp_path).json()
    assert [each["workers"] for each in shown] == [{"one": 1, "two": 1}]
    nodes.kill("two")
    search.wait_until(lambda: len(done(tmp_path)) >= 5, timeout_s=480)
    nodes.start("three", "--num-cpus=1", '--resources={"small": 1}')
    code, out, err = search.finish(timeout_s=600)
    assert code == 0, err
    assert "Traceback" not in err
    finished = done(tmp_path)
    assert len(finished) == 10
    assert len({trial.architecture.key for trial in finished}) == 10
    assert '"event": "trial ended"' in out
    lost = [trial for trial in trials(tmp_path) if trial.state.value == "interrupted"]
    assert all(trial.outcome.failure.cause == "worker lost" for trial in lost)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_search_whose_node_here_is_stopped_says_so(nodes: Nodes, tmp_path: Path) -> None:
    nodes.start("one", "--num-cpus=1")
    search = RunningSearch(tmp_path, *QUICK, "--ray-address", nodes.address, "--budget", "50")
    search.wait_until(lambda: len(done(tmp_path)) >= 1, timeout_s=480)
    nodes.kill_raylets()
    code, _, err = search.finish()
    assert code == 1, err
    assert "nas: error: Ray broke down (its raylet ended); the same command goes on with the study" in err
    assert "Traceback" not in err


@pytest.mark.timeout(300)
def test_what_no_node_offers_is_an_error_that_names_the_nodes(nodes: Nodes, tmp_path: Path) -> None:
    nodes.start("one", "--num-cpus=1")
    refused = run_nas([*QUICK, "--ray-address", nodes.address, "--resource", "npu=2"], tmp_path)
    assert refused.code == 2, refused.err
    assert "no node of the Ray cluster has room for a trial (CPU 1" in refused.err
    assert "one: CPU 1" in refused.err
    assert len(refused.err.strip().splitlines()) == 1


@pytest.mark.timeout(300)
def test_a_node_of_another_version_is_named(nodes: Nodes, tmp_path: Path) -> None:
    """A node whose Python finds another version of the package, as it would after an upgrade elsewhere."""
    other = tmp_path / "other" / "hybrid_nas-9.9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: hybrid-nas\nVersion: 9.9.9\n")
    nodes.start("old", "--num-cpus=1", PYTHONPATH=str(other.parent))
    refused = run_nas([*QUICK, "--ray-address", nodes.address, "--budget", "2"], tmp_path)
    assert refused.code == 2, refused.err
    assert "Ray node 'old' has hybrid-nas 9.9.9" in refused.err
    assert done(tmp_path) == []


def test_a_machine_that_is_no_node_is_told_so(tmp_path: Path) -> None:
    refused = run_nas([*QUICK, "--ray-address", f"127.0.0.1:{free_port()}"], tmp_path)
    assert refused.code == 2
    assert "is no Ray cluster" in refused.err
