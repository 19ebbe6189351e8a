"""Searches as separate processes. They outlive the web application, which finds them again by their folders."""

import json
import logging
import os
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

import hybrid_nas
from nas.errors import StorageError, UnknownNameError, UserError
from nas.service import TOKEN_VARIABLE, schemas

LOGGER = logging.getLogger(__name__)
START = "nas.cli.main:console_script"
# A machine has cores for no more searches.
MAX_RUNNING = 8
# Bytes that are read at the beginning and at the end of a log.
LOG_PART_BYTES = 1 << 16
REQUEST, RESULT, LOG, STOPPED = "request.json", "result.json", "log.txt", "stopped"
KILLED = "the process was killed; start the search with the same options to resume it"


class Launcher:
    """Launcher of `nas search` processes on the database `storage`, each with its own folder under `folder`."""

    def __init__(self, folder: Path, storage: str, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._storage = storage
        self._clock = clock
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def start(self, arguments: Sequence[str], options: Mapping[str, Any], owner: str | None = None) -> schemas.Search:
        """Start a search, which belongs to `owner`.

        Raises UserError if too many are running, StorageError if the folder cannot be written.
        """
        with self._lock:
            running = [search for search in self.all() if search["state"] in ("starting", "running")]
            if len(running) >= MAX_RUNNING:
                raise UserError(f"{len(running)} searches are running; stop one first")
            identifier = secrets.token_hex(8)
            home = self._folder / identifier
            owned = () if owner is None else (f"--owner={owner}",)
            command = hybrid_nas.command(START, "search", *arguments, *owned, "--log-format=json", "--json")
            # The URL may hold a password, which a list of processes would show; their environment it does not.
            environment = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
            environment["NAS_STORAGE"] = self._storage
            try:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                home.mkdir(mode=0o700)
                with (
                    open(home / RESULT, "wb", opener=_private) as result,
                    open(home / LOG, "wb", opener=_private) as log,
                ):
                    child = subprocess.Popen(  # noqa: S603 - options that were checked, and no shell
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=result,
                        stderr=log,
                        env=environment,
                        start_new_session=True,
                    )
                try:
                    self._record(home, child, options, owner)
                except OSError:
                    # Without its record nobody could find or stop it.
                    child.kill()
                    child.wait()
                    raise
            except OSError as error:
                raise StorageError(f"the searches folder cannot be written: {error.strerror}") from error
            self._children[identifier] = child
            return self.one(identifier)

    def _record(
        self, home: Path, child: subprocess.Popen[bytes], options: Mapping[str, Any], owner: str | None
    ) -> None:
        """Record a search atomically, since others read the file."""
        process = {"pid": child.pid, "created_at": psutil.Process(child.pid).create_time()}
        request = {"options": dict(options), "owner": owner, "started_at": self._clock(), "process": process}
        with open(home / "request", "w", opener=_private) as file:
            json.dump(request, file)
        (home / "request").rename(home / REQUEST)

    def all(self) -> list[schemas.Search]:
        """Return all searches, newest first."""
        searches = [self._read(home, request) for home, request in self._requests()]
        return sorted(searches, key=lambda search: search["started_at"], reverse=True)

    def one(self, identifier: str) -> schemas.Search:
        """Return a search. Raises UnknownNameError."""
        return self._read(*self._request(identifier))

    def _request(self, identifier: str) -> tuple[Path, Mapping[str, Any]]:
        requests = {home.name: (home, request) for home, request in self._requests()}
        if identifier not in requests:
            raise UnknownNameError("search", identifier, requests)
        return requests[identifier]

    def _requests(self) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        """Yield the folder and the request of each recorded search, without those that a full disk cut short."""
        for path in self._folder.glob(f"*/{REQUEST}"):
            try:
                yield path.parent, json.loads(path.read_text())
            except ValueError:
                LOGGER.warning("%s cannot be read", path)

    def stop(self, identifier: str) -> schemas.Search:
        """Stop a search as Ctrl-C does, unless it has ended. Raises UnknownNameError."""
        home, request = self._request(identifier)
        search = self._read(home, request)
        process = self._process(home, request)
        if process is not None:
            (home / STOPPED).touch()
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGINT)
        return search

    def delete(self, identifier: str) -> None:
        """Remove the record of a search that has ended, and its log.

        Raises UnknownNameError, UserError while the search runs, StorageError if the folder cannot be removed.
        """
        with self._lock:
            home, request = self._request(identifier)
            if self._process(home, request) is not None:
                raise UserError(f"search {identifier} is running: stop it first")
            try:
                # What has no request is no search, should the rest not go.
                (home / REQUEST).unlink()
                shutil.rmtree(home)
            except OSError as error:
                raise StorageError(f"the searches folder cannot be written: {error.strerror}") from error
            self._children.pop(identifier, None)

    def _read(self, home: Path, request: Mapping[str, Any]) -> schemas.Search:
        lines = _read_ends(home / LOG)
        study = next((event["study"] for event in map(_event, lines) if event), None)
        # Asked before the result is read: the process may end in between.
        is_alive = self._process(home, request) is not None
        result = (home / RESULT).read_text(errors="replace").strip()
        messages = [line for line in lines if line.strip() and not _event(line)]
        was_interrupted = bool(messages) and messages[-1].startswith("interrupted")
        if is_alive:
            state = "starting" if study is None else "running"
        elif result:
            state = "stopped" if was_interrupted else "ended"
        else:
            was_stopped = was_interrupted or (home / STOPPED).exists()
            state = "stopped" if was_stopped else "failed"
        return {
            "id": home.name,
            # Earlier versions recorded none.
            "owner": request.get("owner"),
            "state": state,
            "study": study,
            "options": request["options"],
            "started_at": request["started_at"],
            "ending": None if is_alive else _ending(result),
            "error": (messages[-1].removeprefix("nas: error: ") if messages else KILLED) if state == "failed" else None,
        }

    def _process(self, home: Path, request: Mapping[str, Any]) -> psutil.Process | None:
        """Return the process of a search while it runs. The creation time guards against a reused pid."""
        child = self._children.get(home.name)
        if child is not None and child.poll() is not None:
            return None
        recorded = request["process"]
        try:
            process = psutil.Process(recorded["pid"])
            is_same = abs(process.create_time() - recorded["created_at"]) < 1
            return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def _private(path: str, flags: int) -> int:
    """Open a file that is its owner's alone."""
    return os.open(path, flags, 0o600)


def _read_ends(log: Path) -> list[str]:
    """Read the first lines of a log, which name the study, and the last ones, which say how it ended."""
    with log.open("rb") as file:
        content = file.read(LOG_PART_BYTES)
        size = file.seek(0, os.SEEK_END)
        if size > len(content):
            file.seek(max(len(content), size - LOG_PART_BYTES))
            content += b"\n" * (size > 2 * LOG_PART_BYTES) + file.read()
    return content.decode(errors="replace").splitlines()


def _ending(result: str) -> str | None:
    """The reason why a search ended, of the JSON that it printed; None where a full disk or its end cut that short."""
    try:
        ending: str | None = json.loads(result).get("ending")
    except ValueError:
        return None
    return ending


def _event(line: str) -> Mapping[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        event: Mapping[str, Any] = json.loads(line)
    except ValueError:
        return None
    return event if "event" in event else None
