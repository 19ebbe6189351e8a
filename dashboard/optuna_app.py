"""Optuna's own dashboard under /optuna/. Its pages know only the root of a site, so that their paths are moved."""

import gzip
import re
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from optuna_dashboard import wsgi

from nas.errors import StorageError
from nas.store.engine import open_optuna, parse_url

PREFIX = "/optuna"
BACK = (
    '<a href="/" style="position:fixed;bottom:12px;right:12px;z-index:9999;padding:6px 12px;border-radius:6px;'
    'background:#0b6e99;color:#fff;font:14px system-ui,sans-serif;text-decoration:none">Hybrid NAS studies</a>'
)
# What the pages' script says of paths, and how often at least.
MOVED = (
    (b'url_prefix:"/dashboard"', b'url_prefix:"%s/dashboard"'),
    (b"{this.baseURL}/api/", b"{this.baseURL}%s/api/"),
    (b"`/csv/", b"`%s/csv/"),
    (b"`/artifacts/", b"`%s/artifacts/"),
)
# What its pages may change: notes. All else is the search's to write, or would leave our record of a study behind.
NOTES = re.compile(r"/api/studies/.+/note/?$")
READING = ("GET", "HEAD", "OPTIONS")

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def optuna_app(storage: str) -> Wsgi:
    """A WSGI application over the database of that URL, to be mounted at PREFIX. Raises StorageError."""
    inner: Wsgi = wsgi(open_optuna(parse_url(storage), max_wait_s=0.0))

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method not in READING and not (method == "PUT" and NOTES.search(environ["PATH_INFO"])):
            start("403 Forbidden", [("Content-Type", "application/json")])
            return [b'{"reason": "only notes are changed here; a study is removed on its own page"}']
        if environ["PATH_INFO"].endswith("/static/bundle.js"):
            headers = [("Content-Type", "text/javascript"), ("Content-Encoding", "gzip"), ("Cache-Control", "no-cache")]
            start("200 OK", headers)
            return [_bundle()]
        return _with_link_back(inner, environ, start)

    return app


@cache
def _bundle() -> bytes:
    script = files("optuna_dashboard").joinpath("public", "bundle.js").read_bytes()
    for here, moved in MOVED:
        if here not in script:
            raise StorageError(f"this version of optuna-dashboard cannot be served under {PREFIX}/")
        script = script.replace(here, moved % PREFIX.encode())
    return gzip.compress(script, 6)


def _with_link_back(inner: Wsgi, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    told: list[Any] = []

    def keep(status: str, headers: list[tuple[str, str]], *rest: Any) -> None:
        told[:] = [status, headers, *rest]

    # A page that is not modified would be one without the link.
    for name in ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH"):
        environ.pop(name, None)
    body = b"".join(inner(environ, keep))
    status, headers, *rest = told
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    if kind.startswith("text/html"):
        body = body.replace(b'src="/static/', f'src="{PREFIX}/static/'.encode())
        body = body.replace(b"</body>", BACK.encode() + b"</body>")
    kept = [
        (name, _moved(value) if name.lower() == "location" else value)
        for name, value in headers
        if name.lower() not in ("content-length", "etag", "last-modified")
    ]
    start(status, [*kept, ("Content-Length", str(len(body)))], *rest)
    return [body]


def _moved(address: str) -> str:
    """Where a redirection of Optuna's leads to here: to a path alone, whatever host it has taken from the request."""
    return PREFIX + (urlsplit(address).path or "/")
