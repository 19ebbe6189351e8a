"""The web application under test: inside this process, or as the command that users run."""

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
from fastapi.testclient import TestClient

from dashboard.access import Access
from dashboard.app import ServerSettings, create_app
from nas.store.store import Store
from tests.conftest import free_port, nas_script


def client_of(
    store: Store, url: str, tokens: tuple[str, ...] = (), searches: Path = Path("none"), roots: tuple[Path, ...] = ()
) -> TestClient:
    """A client of an application inside this process."""
    app = create_app(store, url, ServerSettings(Access(tokens), searches, roots))
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


class Served:
    """`nas dashboard` in a folder, on a free port. A context manager."""

    def __init__(self, folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._arguments = arguments
        self._environment = environment

    def __enter__(self) -> "Served":
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self) -> None:
        command = [nas_script(), "dashboard", "--port", str(self.port), *self._arguments]
        with (self._folder / "dashboard.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log, env=self._environment)
        for _ in range(300):
            try:
                if httpx.get(f"{self.url}/healthz", timeout=10).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.2)
        raise AssertionError((self._folder / "dashboard.log").read_text())

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(30) in (0, -15)
