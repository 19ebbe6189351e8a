"""Python client of the service, with what a user can do on its pages."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import quote, urlsplit

import httpx

from nas.errors import NasError, SearchInterruptedError, UserError
from nas.exports.output_file import atomic_write
from nas.service import READ_ONLY, TOKEN_VARIABLE, schemas
from nas.service.request import Value

TIMEOUT_S = 60.0
POLL_INTERVAL_S = 1.0
# States in which a search that the service started has ended.
FINAL_STATES = ("ended", "stopped", "failed")


class ServiceError(NasError):
    """An unreachable service, or an error inside of it."""


class Client:
    """Client of the service at `url`, such as http://127.0.0.1:8080; a context manager.

    `token` is one of the service's NAS_API_TOKEN; by default the first one in that variable here. Methods raise
    UserError for a request that the service refuses, and ServiceError if the service is unreachable or fails.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        tokens = os.environ.get(TOKEN_VARIABLE, "").split()
        token = token if token is not None else next(iter(tokens), "").removeprefix(READ_ONLY)
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

    def studies(self, *, archived: bool = False) -> list[schemas.StudySummary]:
        """Return every study, the newest first; archived ones only if `archived`."""
        return cast("list[schemas.StudySummary]", self._get("studies", {"archived": archived} if archived else None))

    def study(self, name: str) -> schemas.StudySummary:
        return cast("schemas.StudySummary", self._get(_study(name)))

    def trials(self, name: str) -> list[schemas.Trial]:
        """Return a study's trials in the order of their numbers."""
        return cast("schemas.Trials", self._get(f"{_study(name)}/trials"))["trials"]

    def trial(self, name: str, number: int) -> schemas.TrialDetail:
        return cast("schemas.TrialDetail", self._get(f"{_study(name)}/trials/{number}"))

    def front(self, name: str, max_latency_ms: float | None = None, min_accuracy: float | None = None) -> schemas.Front:
        limits = {"max_latency_ms": max_latency_ms, "min_accuracy": min_accuracy}
        query = {limit: value for limit, value in limits.items() if value is not None}
        return cast("schemas.Front", self._get(f"{_study(name)}/front", query))

    def fidelity(self, name: str) -> schemas.Fidelities:
        """Return what a study's short trainings were worth, by rung of its ladder."""
        return cast("schemas.Fidelities", self._get(f"{_study(name)}/fidelity"))

    def history(self, name: str) -> list[schemas.Moment]:
        """Return the growth of the front's hypervolume over the trials."""
        return cast("schemas.History", self._get(f"{_study(name)}/history"))["moments"]

    def measurements(self, key: str | None = None, most: int = 100) -> list[schemas.Measured]:
        """Return at most `most` recorded latencies, the newest first; with `key` only those of that architecture."""
        return cast("list[schemas.Measured]", self._get("measurements", {"most": most} | ({"key": key} if key else {})))

    def export(self, name: str, number: int, form: str, output: str | os.PathLike[str]) -> Path:
        """Write a trial's architecture to a file, in a format of `nas export`; folders are written as a ZIP file."""
        response = self._call("GET", f"{_study(name)}/trials/{number}/export/{quote(form, safe='')}")
        with atomic_write("output", Path(output)) as file:
            file.write_bytes(response.content)
        return Path(output)

    def start(self, **options: Value) -> schemas.Search:
        """Start a search with options of `nas search`, dashes as underscores: start(space="hybrid", budget=50)."""
        return cast("schemas.Search", self._call("POST", "searches", dict(options)).json())

    def search(self, identifier: str) -> schemas.Search:
        """Return the present state of a search that the service started."""
        return cast("schemas.Search", self._get(f"searches/{quote(identifier, safe='')}"))

    def searches(self) -> list[schemas.Search]:
        """Return every search that the service started, the newest first."""
        return cast("list[schemas.Search]", self._get("searches"))

    def stop(self, name: str) -> None:
        """Stop the search of a study, wherever it was started; finished trials stay recorded."""
        self._call("POST", f"{_study(name)}/stop")

    def stop_search(self, identifier: str) -> None:
        """Stop a search that the service started, even before its study is recorded."""
        self._call("POST", f"searches/{quote(identifier, safe='')}/stop")

    def delete(self, name: str) -> None:
        """Delete a study that no search is running on."""
        self._call("DELETE", _study(name))

    def rename(self, name: str, new: str) -> None:
        """Rename a study that no search is running on."""
        self._call("PATCH", _study(name), {"name": new})

    def archive(self, name: str, *, archived: bool = True) -> None:
        """Archive a study that no search is running on, so that lists leave it out, or bring it back."""
        self._call("PATCH", _study(name), {"archived": archived})

    def note(self, name: str, text: str) -> None:
        """Put a note on a study in the place of the one before; an empty one removes it."""
        self._call("PATCH", _study(name), {"note": text})

    def delete_search(self, identifier: str) -> None:
        """Remove the record and the log of a search that has ended; its study stays."""
        self._call("DELETE", f"searches/{quote(identifier, safe='')}")

    def follow(self, name: str) -> Iterator[schemas.StudySummary]:
        """Yield the study's summary now and after each change, until its search ends."""
        for summary in self._events(f"{_study(name)}/events"):
            yield cast("schemas.StudySummary", summary)
            if not summary["running"]:
                return

    def wait(self, identifier: str, until: tuple[str, ...] = ()) -> schemas.Search:
        """Wait until a search that the service started is in a state of `until`, has ended or was stopped.

        Raises SearchInterruptedError if it fails.
        """
        while (search := self.search(identifier))["state"] not in (*until, *FINAL_STATES):
            time.sleep(POLL_INTERVAL_S)
        if search["state"] == "failed":
            raise SearchInterruptedError(search["error"] or "the search failed")
        return search

    def _events(self, path: str) -> Iterator[Mapping[str, Any]]:
        try:
            with self._http.stream("GET", path) as response:
                if response.is_error:
                    response.read()
                    self._check(response)
                for line in response.iter_lines():
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
            response = self._http.request(method, path, json=body, params=query)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        self._check(response)
        return response

    def _check(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        try:
            reason = response.json()["detail"]
        except (ValueError, KeyError, TypeError):
            reason = f"it responded with status {response.status_code}"
        if response.is_client_error:
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
