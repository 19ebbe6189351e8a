"""docker-compose.yml and the Dockerfile, as far as they can be tried without a Docker engine.

The file obeys the Compose schema, and every service's command, entry point, environment and health check runs as a real
process on loopback: PostgreSQL, a Ray head, two workers, the dashboard and a search.
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

import nas
from tests.conftest import ROOT, free_port, run_nas
from tests.postgres import PostgresServer, programs

SECRETS = {"POSTGRES_PASSWORD": "pg-secret", "RAY_AUTH_TOKEN": "0123456789abcdef" * 2, "NAS_API_TOKEN": "api-secret"}


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """As Compose does it: ${NAME:-default}, ${NAME:?message} and $$."""
    if isinstance(value, dict):
        return {key: interpolated(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [interpolated(each, variables) for each in value]
    if not isinstance(value, str):
        return value

    def replaced(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        name, kind, word = found[1], found[2], found[3]
        if kind == ":?":
            assert name in variables, word
        return variables.get(name, word or "")

    return re.sub(r"\$\$|\$\{(\w+)(?:(:[-?])([^}]*))?\}", replaced, value)


def raw(name: str = "docker-compose.yml") -> dict[str, Any]:
    return yaml.safe_load((ROOT / name).read_text())


def services() -> dict[str, Any]:
    return interpolated(raw(), SECRETS)["services"]


@pytest.mark.parametrize("name", ["docker-compose.yml", "docker-compose.gpu.yml"])
def test_it_obeys_the_compose_schema(name: str) -> None:
    check = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*check, ROOT / name], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_secret_must_be_chosen() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for secret in SECRETS:
        uses = re.findall(rf"\${{{secret}[^}}]*}}", text)
        assert uses
        assert all(use.startswith(f"${{{secret}:?") for use in uses)
        assert re.search(rf"^{secret}=$", (ROOT / ".env.example").read_text(), flags=re.MULTILINE)
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


def test_only_the_dashboard_is_published_and_only_to_this_machine() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert published == {"dashboard": ["127.0.0.1:8080:8080"]}
    assert raw()["networks"]["private"] == {"internal": True}
    for name, service in services().items():
        assert service["networks"] == (["private", "published"] if name == "dashboard" else ["private"])


def test_workers_scale_and_gpus_are_an_override() -> None:
    assert "container_name" not in services()["ray-worker"]
    assert "deploy" not in services()["ray-worker"]
    # What drives a search decides by the GPUs that it sees itself.
    for name in ("ray-worker", "search", "dashboard"):
        service = raw("docker-compose.gpu.yml")["services"][name]
        (device,) = service["deploy"]["resources"]["reservations"]["devices"]
        assert device["capabilities"] == ["gpu"]


class Host:
    """What Compose would do on loopback: names become addresses, each container a process group."""

    def __init__(self, folder: Path, postgres: PostgresServer) -> None:
        self.folder = folder
        self.ray, self.dashboard = free_port(), free_port()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._names = {
            "postgres:5432": f"127.0.0.1:{postgres.port}",
            "ray-head:6379": f"127.0.0.1:{self.ray}",
            "--port=6379": f"--port={self.ray}",
            "--port=5432": f"--port={postgres.port}",
            "--host=127.0.0.1": "--host=127.0.0.1",
            "127.0.0.1:8080": f"127.0.0.1:{self.dashboard}",
            "8080": str(self.dashboard),
        }

    def words(self, words: Sequence[str]) -> list[str]:
        found = []
        for word in words:
            for name, address in self._names.items():
                if name in word:
                    word = word.replace(name, address)
                    break
            found.append(word)
        return found

    def environment(self, service: str) -> dict[str, str]:
        """Nothing of the user's but the search path, as in a container."""
        given = services()[service].get("environment", {})
        binaries = f"{Path(sys.executable).parent}:{os.environ['PATH']}:{programs()}"
        own = {"PATH": binaries, "HOME": str(self.folder), "TMPDIR": os.environ["TMPDIR"], "RAY_TMPDIR": "/tmp"}
        return {**dict(zip(given, self.words(list(given.values())), strict=True)), **own}

    def up(self, service: str, name: str, *further: str) -> None:
        self._processes[name] = subprocess.Popen(
            [*self.words(services()[service].get("entrypoint", ())), *self.words(self._command(service)), *further],
            env=self.environment(service),
            cwd=self.folder,
            stdout=(self.folder / f"{name}.log").open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _command(self, service: str) -> list[str]:
        # Nothing is mounted here.
        return [str(self.folder) if word == "/data" else word for word in services()[service]["command"]]

    def until_healthy(self, service: str, name: str, timeout_s: float = 300) -> None:
        kind, *command = services()[service]["healthcheck"]["test"]
        assert kind == "CMD"
        end = time.monotonic() + timeout_s
        while True:
            if name in self._processes:
                assert self._processes[name].poll() is None, (self.folder / f"{name}.log").read_text()
            done = subprocess.run(
                self.words(command), env=self.environment(service), capture_output=True, cwd=self.folder
            )
            if done.returncode == 0:
                return
            assert time.monotonic() < end, done.stderr
            time.sleep(1)

    def until_joined(self, name: str, timeout_s: float = 300) -> None:
        """Nodes on one machine share Ray's folder, as containers do not: two that start at once may take one socket."""
        log = self.folder / f"{name}.log"
        end = time.monotonic() + timeout_s
        while "Ray runtime started" not in log.read_text():
            assert self._processes[name].poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.2)

    def run(self, service: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        entry = self.words(services()[service]["entrypoint"])
        return subprocess.run(
            [*entry, *arguments],
            env=self.environment(service),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=600,
        )

    def down(self) -> None:
        for process in self._processes.values():
            for victim in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
                try:
                    victim.kill()
                except psutil.NoSuchProcess:
                    continue
            process.wait()
        # The search's own node, which would have ended with its container.
        for process in psutil.process_iter(["cmdline"]):
            if f"127.0.0.1:{self.ray}" in " ".join(process.info["cmdline"] or ()):
                process.kill()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    if programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with PostgresServer(free_port()) as postgres:
        postgres.create("nas")
        running = Host(tmp_path, postgres)
        try:
            yield running
        finally:
            running.down()


def test_every_service_runs(host: Host) -> None:
    host.until_healthy("postgres", "postgres")
    host.up("ray-head", "head", "--node-ip-address=127.0.0.1")
    host.until_healthy("ray-head", "head")
    for number in (2, 3):
        host.up("ray-worker", f"worker{number}", "--num-cpus=1", f"--node-ip-address=127.0.0.{number}")
        host.until_joined(f"worker{number}")
    host.until_healthy("ray-worker", "worker2")
    host.up("dashboard", "dashboard")
    host.until_healthy("dashboard", "dashboard")

    options = ("--epochs", "1", "--train-size", "100", "--confirm", "0", "--log-format", "json")
    done = host.run("search", *services()["search"]["command"], *options, "--budget", "6")
    assert done.returncode == 0, done.stderr
    assert sum('"event": "trial ended"' in line for line in done.stdout.splitlines()) == 6

    def get(path: str, **headers: str) -> str:
        request = urllib.request.Request(f"http://127.0.0.1:{host.dashboard}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()

    bearer = {"Authorization": f"Bearer {SECRETS['NAS_API_TOKEN']}"}
    with pytest.raises(urllib.error.HTTPError, match="401"):
        get("/metrics")
    assert re.search(r'nas_trials{state="complete",study="hybrid-16-digits-\w+"} 6.0', get("/metrics", **bearer))
    assert "hybrid-16-digits" in get("/", **bearer)
    assert json.loads(get("/optuna/api/studies", **bearer))
    with nas.Client(f"http://127.0.0.1:{host.dashboard}", SECRETS["NAS_API_TOKEN"]) as client:
        started = client.start(space="hybrid", epochs=1, train_size=100, confirm=0, budget=3, study="from the page")
        assert client.wait(started["id"])["state"] == "ended"
        assert client.study("from the page")["done"] == 3
    checked = run_nas(["db", "check", "--storage", host.environment("dashboard")["NAS_STORAGE"]], host.folder)
    assert checked.code == 0, checked.out
    for log in host.folder.glob("*.log"):
        assert not any(secret in log.read_text() for secret in SECRETS.values()), log


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(kind, rest) for kind, _, rest in (line.partition(" ") for line in lines)]


def test_the_image_is_made_of_what_it_copies(tmp_path: Path) -> None:
    """The package builds from the copied files alone, and the command that the image runs by default answers."""
    context = tmp_path / "app"
    context.mkdir()
    for kind, rest in instructions():
        if kind == "COPY":
            *sources, destination = rest.split()
            for source in sources:
                assert f"!{source}" in (ROOT / ".dockerignore").read_text().splitlines()
                subprocess.run(["cp", "-r", ROOT / source, context / destination], check=True)
        elif kind == "RUN" and rest.startswith("pip"):
            assert rest == "pip install --no-cache-dir -c constraints.txt ."
    installed = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", installed]
    subprocess.run([*pip, "."], cwd=context, check=True)
    (command,) = (json.loads(rest) for kind, rest in instructions() if kind == "CMD")
    assert command == ["nas", "--help"]
    told = subprocess.run(
        [sys.executable, "-c", RUN, *command[1:]],
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr
    assert "Search a space" in told.stdout
    assert (installed / "dashboard" / "templates" / "studies.html").is_file()
    assert (installed / "nas" / "store" / "migrations" / "versions" / "0003_audits.py").is_file()


RUN = "import sys; from nas.cli.main import main; main(sys.argv[1:])"
