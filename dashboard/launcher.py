"""Searches as processes of their own: they outlive the web application, which finds them again by their folders."""

import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from nas.errors import StorageError, UnknownNameError, UserError
from nas.service import TOKEN_VARIABLE, schemas

LOGGER = logging.getLogger(__name__)
START = "from nas.cli.main import console_script; console_script()"
# A machine has cores for no more.
MAX_RUNNING = 8
# Of a log so many bytes are read at its beginning and at its end.
PART = 1 << 16
REQUEST, RESULT, LOG, STOPPED = "request.json", "result.json", "log.txt", "stopped"
KILLED = "its process was killed; the same options go on with it"


class Launcher:
    """Starts `nas search` on the database `storage`, each in a folder of its own under `folder`."""

    def __init__(self, folder: Path, storage: str, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._storage = storage
        self._clock = clock
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def start(self, arguments: Sequence[str], options: Mapping[str, Any]) -> schemas.Search:
        """Raises UserError when too many are running, StorageError when the folder cannot be written."""
        with self._lock:
            running = [each for each in self.all() if each["state"] in ("starting", "running")]
            if len(running) >= MAX_RUNNING:
                raise UserError(f"{len(running)} searches are running; stop one first")
            identifier = secrets.token_hex(8)
            home = self._folder / identifier
            command = [sys.executable, "-c", START, "search", *arguments, "--log-format=json", "--json"]
            # The database's password is seen by who lists processes, but not their environment.
            environment = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
            environment["NAS_STORAGE"] = self._storage
            try:
                home.mkdir(parents=True)
                with (home / RESULT).open("wb") as result, (home / LOG).open("wb") as log:
                    child = subprocess.Popen(  # noqa: S603 - options that were checked, and no shell
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=result,
                        stderr=log,
                        env=environment,
                        start_new_session=True,
                    )
                try:
                    self._note(home, child, options)
                except OSError:
                    # Nobody could find or stop it.
                    child.kill()
                    child.wait()
                    raise
            except OSError as error:
                raise StorageError(f"the folder of searches cannot be written: {error.strerror}") from error
            self._children[identifier] = child
            return self.one(identifier)

    def _note(self, home: Path, child: subprocess.Popen[bytes], options: Mapping[str, Any]) -> None:
        """At once or not at all: others read it."""
        process = {"pid": child.pid, "created_at": psutil.Process(child.pid).create_time()}
        request = {"options": dict(options), "started_at": self._clock(), "process": process}
        (home / "request").write_text(json.dumps(request))
        (home / "request").rename(home / REQUEST)

    def all(self) -> list[schemas.Search]:
        """The newest first."""
        found = [self._read(home, request) for home, request in self._requests()]
        return sorted(found, key=lambda each: each["started_at"], reverse=True)

    def one(self, identifier: str) -> schemas.Search:
        """Raises UnknownNameError."""
        return self._read(*self._request(identifier))

    def _request(self, identifier: str) -> tuple[Path, Mapping[str, Any]]:
        requests = {home.name: (home, request) for home, request in self._requests()}
        if identifier not in requests:
            raise UnknownNameError("search", identifier, requests)
        return requests[identifier]

    def _requests(self) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        """The searches on record here, each with its folder; what a full disk left of a request is none."""
        for path in self._folder.glob(f"*/{REQUEST}"):
            try:
                yield path.parent, json.loads(path.read_text())
            except ValueError:
                LOGGER.warning("%s cannot be read", path)

    def stop(self, identifier: str) -> schemas.Search:
        """As Ctrl-C does. Raises UnknownNameError; of one that has ended nothing changes."""
        home, request = self._request(identifier)
        found = self._read(home, request)
        process = self._process(home, request)
        if process is not None:
            (home / STOPPED).touch()
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGINT)
        return found

    def _read(self, home: Path, request: Mapping[str, Any]) -> schemas.Search:
        lines = _ends(home / LOG)
        study = next((event["study"] for event in map(_event, lines) if event), None)
        # Before what it left behind is read: it may end in between.
        is_alive = self._process(home, request) is not None
        result = (home / RESULT).read_text(errors="replace").strip()
        said = [line for line in lines if line.strip() and not _event(line)]
        if is_alive:
            state = "starting" if study is None else "running"
        elif result:
            state = "stopped" if said and said[-1].startswith("interrupted") else "ended"
        else:
            was_stopped = (home / STOPPED).exists() or (said and said[-1].startswith("interrupted"))
            state = "stopped" if was_stopped else "failed"
        return {
            "id": home.name,
            "state": state,
            "study": study,
            "options": request["options"],
            "started_at": request["started_at"],
            "error": (said[-1].removeprefix("nas: error: ") if said else KILLED) if state == "failed" else None,
        }

    def _process(self, home: Path, request: Mapping[str, Any]) -> psutil.Process | None:
        """The search's process as long as it runs; a pid alone may have been given anew."""
        child = self._children.get(home.name)
        if child is not None and child.poll() is not None:
            return None
        told = request["process"]
        try:
            process = psutil.Process(told["pid"])
            is_same = abs(process.create_time() - told["created_at"]) < 1
            return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def _ends(log: Path) -> list[str]:
    """A log's first lines, which name the study, and its last ones, which say how it ended."""
    with log.open("rb") as file:
        read = file.read(PART)
        size = file.seek(0, os.SEEK_END)
        if size > len(read):
            file.seek(max(len(read), size - PART))
            read += b"\n" * (size > 2 * PART) + file.read()
    return read.decode(errors="replace").splitlines()


def _event(line: str) -> Mapping[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        found: Mapping[str, Any] = json.loads(line)
    except ValueError:
        return None
    return found if "event" in found else None
