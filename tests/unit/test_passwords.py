"""Passwords of a command, which other users of the machine must not see."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from nas.cli.passwords import without_passwords
from tests.conftest import run_nas

WAITING = "import sys; from nas.cli.passwords import hide_passwords as hide; hide(sys.argv); print(flush=True); input()"


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("postgresql+psycopg://me:secret@host:5432/nas", "postgresql+psycopg://me:***@host:5432/nas"),
        ("--storage=postgresql://me:se@cr/et@host/nas", "--storage=postgresql://me:***@host/nas"),
        ("postgresql://:secret@host/nas", "postgresql://:***@host/nas"),
        ("postgresql://host/nas?user=me&password=secret&x=1", "postgresql://host/nas?user=me&password=***&x=1"),
        ("postgresql+psycopg://me@host:5432/nas", "postgresql+psycopg://me@host:5432/nas"),
        ("sqlite:///nas.db", "sqlite:///nas.db"),
        ("http://127.0.0.1:8080/studies", "http://127.0.0.1:8080/studies"),
        ("cpu@node:threads=2", "cpu@node:threads=2"),
    ],
)
def test_passwords_are_left_out(word: str, shown: str) -> None:
    assert without_passwords(word) == shown


def test_errors_repeat_none(tmp_path: Path) -> None:
    """The likeliest mistake: a URL without its option."""
    refused = run_nas(["db", "check", "postgresql://me:secret@host/nas"], tmp_path)
    assert refused.code == 2
    assert "postgresql://me:***@host/nas" in refused.err
    assert "secret" not in refused.err


def test_the_list_of_processes_shows_none() -> None:
    words = [sys.executable, "-c", WAITING, "--storage", "postgresql://me:secret@host/nas"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        seen = " ".join(psutil.Process(process.pid).cmdline())
        process.communicate(b"\n")
    assert "postgresql://me:***@host/nas" in seen
    assert "secret" not in seen
