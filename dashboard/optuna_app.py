"""Optuna's own dashboard under /optuna/. Its pages assume the root of a site, so that their paths are rewritten."""

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
# Paths in the script of the pages, and their replacements.
REWRITES = (
    (b'url_prefix:"/dashboard"', b'url_prefix:"%s/dashboard"'),
    (b"{this.baseURL}/api/", b"{this.baseURL}%s/api/"),
    (b"`/csv/", b"`%s/csv/"),
    (b"`/artifacts/", b"`%s/artifacts/"),
)
# Its pages may change notes only. Other writes belong to the search, or would leave our record of a study behind.
NOTES = re.compile(r"/api/studies/.+/note/?$")
SAFE = ("GET", "HEAD", "OPTIONS")

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def optuna_app(storage: str) -> Wsgi:
    """Create a WSGI application over the database `storage`, to be mounted at PREFIX. Raises StorageError."""
    inner: Wsgi = wsgi(open_optuna(parse_url(storage), max_wait_s=0.0))

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method not in SAFE and not (method == "PUT" and NOTES.search(environ["PATH_INFO"])):
            start("403 Forbidden", [("Content-Type", "application/json")])
            return [b'{"reason": "only notes can be changed here; remove a study on its own page"}']
        if environ["PATH_INFO"].endswith("/static/bundle.js"):
            headers = [("Content-Type", "text/javascript"), ("Content-Encoding", "gzip"), ("Cache-Control", "no-cache")]
            start("200 OK", headers)
            return [_bundle()]
        return _with_link_back(inner, environ, start)

    return app


@cache
def _bundle() -> bytes:
    script = files("optuna_dashboard").joinpath("public", "bundle.js").read_bytes()
    for path, replacement in REWRITES:
        if path not in script:
            raise StorageError(f"this version of optuna-dashboard cannot be served under {PREFIX}/")
        script = script.replace(path, replacement % PREFIX.encode())
    return gzip.compress(script, 6)


def _with_link_back(inner: Wsgi, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    response: list[Any] = []

    def capture(status: str, headers: list[tuple[str, str]], *rest: Any) -> None:
        response[:] = [status, headers, *rest]

    # A browser that is answered "not modified" would show its copy without the link.
    for name in ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH"):
        environ.pop(name, None)
    body = b"".join(inner(environ, capture))
    status, headers, *rest = response
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    if kind.startswith("text/html"):
        body = body.replace(b'src="/static/', f'src="{PREFIX}/static/'.encode())
        body = body.replace(b"</body>", BACK.encode() + b"</body>")
    rewritten = [
        (name, _rewritten_location(value) if name.lower() == "location" else value)
        for name, value in headers
        if name.lower() not in ("content-length", "etag", "last-modified")
    ]
    start(status, [*rewritten, ("Content-Length", str(len(body)))], *rest)
    return [body]


def _rewritten_location(address: str) -> str:
    """Return the target of a redirect of Optuna's under PREFIX, without the host that it took from the request."""
    return PREFIX + (urlsplit(address).path or "/")
