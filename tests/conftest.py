"""What all tests share: the installed console script, a real PostgreSQL, and shared data where it is present."""

import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.forked import run_forked
from tests.postgres import PostgresServer, programs

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

# The machines are shared and slow at times: a property is judged by its examples, not by their speed.
settings.register_profile("nas", deadline=None, max_examples=50)
settings.load_profile("nas")


def pytest_configure() -> None:
    """One thread for each process, as workers have: threads that wait for each other at every step take twice as long
    where more of them than cores run. Before anything imports torch.

    Where SIGINT is ignored (`nohup pytest &`, some CI runners) the programs under test would inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest one first: of those that run side by side it would be left alone at the end."""
    items.sort(key=lambda item: "test_every_command_shown[README.md]" not in item.nodeid)


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


def nas_script() -> str:
    """The console script of the environment that runs the tests."""
    return str(Path(sys.executable).with_name("nas"))


def run_nas(arguments: Sequence[str], folder: Path, timeout_s: float = 600, packages: Path | None = None) -> Finished:
    """Run `nas` in `folder` as a user would who has also installed what is in the folder `packages`."""
    return Finished(*run_forked(arguments, folder, timeout_s, packages))


@pytest.fixture(scope="session", autouse=True)
def own_quiet_window(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Measurements of tests that run side by side, or of the user's own searches, do not stop each other's training."""
    # Ray's sockets need a short path.
    os.environ["RAY_TMPDIR"] = tempfile.gettempdir()
    os.environ["TMPDIR"] = str(tmp_path_factory.mktemp("tmp"))
    tempfile.tempdir = None


@pytest.fixture
def nas(tmp_path: Path) -> Callable[..., Finished]:
    """`nas("front", "--json")` runs the command in this test's own folder."""
    return lambda *arguments, timeout_s=600: run_nas(arguments, tmp_path, timeout_s)


@pytest.fixture(scope="session")
def fashion_mnist_dir() -> Path:
    folder = SHARED / "data"
    if not (folder / "FashionMNIST").is_dir():
        pytest.skip("Fashion-MNIST is not beside this checkout (../shared/data)")
    return folder


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a real PostgreSQL server of this session's own, without a database name at its end."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with PostgresServer(free_port()) as server:
        yield server.url


@pytest.fixture
def postgres_database(postgres_url: str, request: pytest.FixtureRequest) -> str:
    """The URL of an empty PostgreSQL database of this test's own."""
    import psycopg

    name = f"nas_{abs(hash(request.node.nodeid)):x}"
    with psycopg.connect(f"{postgres_url.replace('+psycopg', '')}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{postgres_url}/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind that the store supports."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'nas.db'}"
    url: str = request.getfixturevalue("postgres_database")
    return url
