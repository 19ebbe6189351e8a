"""A client of the service: what a user does on its pages, from Python."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import quote, urlsplit

import httpx

from nas.errors import NasError, SearchInterruptedError, UserError
from nas.export.output_file import atomic_write
from nas.service import READ_ONLY, TOKEN_VARIABLE, schemas
from nas.service.request import Value

TIMEOUT_S = 60.0
LOOK_S = 1.0
# What a search that the service started comes to.
OVER = ("ended", "stopped", "failed")


class ServiceError(NasError):
    """The service cannot be reached, or broke down."""


class Client:
    """Of a service at `url`, such as http://127.0.0.1:8080. A context manager.

    `token` is one of its NAS_API_TOKEN; by default the first word of that variable here. What the service refuses is
    raised as UserError, what is wrong with the service itself as ServiceError.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        words = os.environ.get(TOKEN_VARIABLE, "").split()
        token = token if token is not None else next(iter(words), "").removeprefix(READ_ONLY)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if not _is_address(url):
            raise UserError(f"service {url!r} is not an address such as http://127.0.0.1:8080")
        self._http = httpx.Client(base_url=f"{url.rstrip('/')}/api/v1", headers=headers, timeout=TIMEOUT_S)
        self._url = url

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def studies(self) -> list[schemas.StudySummary]:
        """Every study, the newest first."""
        return cast("list[schemas.StudySummary]", self._get("studies"))

    def study(self, name: str) -> schemas.StudySummary:
        return cast("schemas.StudySummary", self._get(_study(name)))

    def trials(self, name: str) -> list[schemas.Trial]:
        """A study's trials, in order of number."""
        return cast("schemas.Trials", self._get(f"{_study(name)}/trials"))["trials"]

    def trial(self, name: str, number: int) -> schemas.TrialDetail:
        return cast("schemas.TrialDetail", self._get(f"{_study(name)}/trials/{number}"))

    def front(self, name: str, max_latency_ms: float | None = None) -> schemas.Front:
        limit = {} if max_latency_ms is None else {"max_latency_ms": max_latency_ms}
        return cast("schemas.Front", self._get(f"{_study(name)}/front", limit))

    def history(self, name: str) -> list[schemas.Moment]:
        """How the front's hypervolume grew."""
        return cast("schemas.History", self._get(f"{_study(name)}/history"))["moments"]

    def measurements(self, key: str | None = None, most: int = 100) -> list[schemas.Measured]:
        """Latencies on record, the newest first: all of them, or an architecture's by its key."""
        return cast("list[schemas.Measured]", self._get("measurements", {"most": most} | ({"key": key} if key else {})))

    def export(self, name: str, number: int, form: str, output: str | os.PathLike[str]) -> Path:
        """Write a trial's architecture to a file, in a format of `nas export`; folders come as a ZIP file."""
        answer = self._call("GET", f"{_study(name)}/trials/{number}/export/{quote(form, safe='')}")
        with atomic_write("output", Path(output)) as file:
            file.write_bytes(answer.content)
        return Path(output)

    def start(self, **options: Value) -> schemas.Search:
        """Start a search with options of `nas search`, dashes as underlines: start(space="hybrid", budget=50)."""
        return cast("schemas.Search", self._call("POST", "searches", dict(options)).json())

    def search(self, identifier: str) -> schemas.Search:
        """A search that the service started, as it is now."""
        return cast("schemas.Search", self._get(f"searches/{quote(identifier, safe='')}"))

    def searches(self) -> list[schemas.Search]:
        """Every search that the service started, the newest first."""
        return cast("list[schemas.Search]", self._get("searches"))

    def stop(self, name: str) -> None:
        """Stop the search of a study, wherever it was started; what was finished stays on record."""
        self._call("POST", f"{_study(name)}/stop")

    def stop_search(self, identifier: str) -> None:
        """Stop a search that the service started, also before its study is on record."""
        self._call("POST", f"searches/{quote(identifier, safe='')}/stop")

    def delete(self, name: str) -> None:
        """Remove a study that is not being searched."""
        self._call("DELETE", _study(name))

    def follow(self, name: str) -> Iterator[schemas.StudySummary]:
        """The study's summary now and whenever it changes, as long as it is searched."""
        for found in self._events(f"{_study(name)}/events"):
            yield cast("schemas.StudySummary", found)
            if not found["running"]:
                return

    def wait(self, identifier: str, until: tuple[str, ...] = ()) -> schemas.Search:
        """Until a search that the service started is in one of these states, or has ended or was stopped.

        Raises SearchInterruptedError when it fails instead.
        """
        while (found := self.search(identifier))["state"] not in (*until, *OVER):
            time.sleep(LOOK_S)
        if found["state"] == "failed":
            raise SearchInterruptedError(found["error"] or "the search failed")
        return found

    def _events(self, path: str) -> Iterator[Mapping[str, Any]]:
        try:
            with self._http.stream("GET", path) as answer:
                if answer.is_error:
                    answer.read()
                    self._check(answer)
                for line in answer.iter_lines():
                    if line.startswith("data:"):
                        yield json.loads(line.removeprefix("data:"))
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        return self._call("GET", path, query=query).json()

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        try:
            answer = self._http.request(method, path, json=body, params=query)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        self._check(answer)
        return answer

    def _check(self, answer: httpx.Response) -> None:
        if answer.is_success:
            return
        try:
            reason = answer.json()["detail"]
        except (ValueError, KeyError, TypeError):
            reason = f"it answered {answer.status_code}"
        if answer.is_client_error:
            raise UserError(f"service {self._url!r}: {reason}")
        raise ServiceError(f"service {self._url!r}: {reason}")

    def _unreachable(self, error: httpx.HTTPError) -> ServiceError:
        return ServiceError(f"service {self._url!r} cannot be reached: {error}")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _study(name: str) -> str:
    return f"studies/{quote(name, safe='')}"
