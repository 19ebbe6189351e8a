"""The door: every request passes it before anything else looks at it."""

from collections.abc import Mapping
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access import COOKIE, Access, Right, is_loopback
from dashboard.limits import Bucket

# Requests a second and at once from one address: a page asks for some ten, then for one a second.
RATE, BURST = 200.0, 1000.0
# Wrong tokens from one address: one in ten seconds, ten at once.
GUESS_RATE, GUESSES = 0.1, 10.0
MAX_BODY = 1 << 20
_TOO_LARGE = f"the body is longer than {MAX_BODY} bytes"
SAFE = ("GET", "HEAD", "OPTIONS")
# Needed before anybody has signed in. The health check tells nothing.
SESSION = "/api/v1/session"
PUBLIC = (
    "/healthz",
    "/signin",
    SESSION,
    *(f"/static/{name}" for name in ("style.css", "icon.svg", "signin.js", "api.js")),
)
HEADERS: Mapping[str, str] = {
    # Figures' styles are set inline by plotly.js; scripts never are.
    "Content-Security-Policy": "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class TooLargeError(HTTPException):
    """A body that is longer than allowed, found out while it is read: FastAPI lets exceptions of this kind pass."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)


class Guard:
    """ASGI middleware: who may come in, from where, with how much and how often; headers on what goes out."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access
        self._requests = Bucket(RATE, BURST)
        self._guesses = Bucket(GUESS_RATE, GUESSES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = (scope.get("client") or ("unknown",))[0]
        resume_from = False

        async def answer(message: Message) -> None:
            nonlocal resume_from
            if message["type"] == "http.response.start":
                resume_from = True
                if scope["path"] == SESSION and message["status"] == HTTPStatus.UNAUTHORIZED:
                    self._guesses.take(client)
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope, client)
        if refusal is not None:
            await refusal(scope, receive, answer)
            return
        try:
            await self._app(scope, _limited(receive), answer)
        except TooLargeError:
            if not resume_from:
                await _no(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)(scope, receive, answer)

    def _refusal(self, scope: Scope, client: str) -> Response | None:
        headers = Headers(scope=scope)
        path, method = scope["path"], scope["method"]
        if not self._requests.take(client):
            return _no(HTTPStatus.TOO_MANY_REQUESTS, "too many requests: wait a moment", {"Retry-After": "1"})
        if self._access.is_open and not is_loopback(_name(headers.get("host", ""))):
            # Another site's name that leads to this machine would make its pages ours (DNS rebinding).
            return _no(HTTPStatus.MISDIRECTED_REQUEST, "without a token this is served under the loopback's names only")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY:
            return _no(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
        if "transfer-encoding" in headers and path.startswith("/optuna"):
            # Optuna's application, which is none of ASGI, reads until an end that is not told it.
            return _no(HTTPStatus.LENGTH_REQUIRED, "the body's length must be said before it")
        if method not in SAFE:
            if not _is_own(headers):
                return _no(HTTPStatus.FORBIDDEN, "a write from another site is refused")
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind not in ("", "application/json"):
                return _no(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body must be application/json")
        if path in PUBLIC:
            is_guess = method not in SAFE and not self._access.is_open
            if is_guess and not self._guesses.has(client):
                return _no(HTTPStatus.TOO_MANY_REQUESTS, "too many attempts: wait a minute", {"Retry-After": "60"})
            return None
        return self._missing_right(scope, headers, client)

    def _missing_right(self, scope: Scope, headers: Headers, client: str) -> Response | None:
        method = scope["method"]
        authorization = headers.get("authorization", "")
        if authorization and not self._access.is_open and not self._guesses.has(client):
            return _no(HTTPStatus.TOO_MANY_REQUESTS, "too many wrong tokens: wait a minute", {"Retry-After": "60"})
        right = self._access.right_of_header(authorization)
        if right is Right.NOTHING and authorization:
            self._guesses.take(client)
        if right is Right.NOTHING:
            right = self._access.right_of_session(_cookie(headers))
        scope.setdefault("state", {})["right"] = right
        if right is Right.NOTHING:
            if method == "GET" and "text/html" in headers.get("accept", ""):
                wanted = scope["path"] + (
                    f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
                )
                return RedirectResponse(f"/signin?next={quote(wanted, safe='')}", HTTPStatus.SEE_OTHER)
            return _no(HTTPStatus.UNAUTHORIZED, "a token is needed", {"WWW-Authenticate": 'Bearer realm="nas"'})
        if right < Right.WRITE and method not in SAFE:
            return _no(HTTPStatus.FORBIDDEN, "this token only reads")
        return None


def _limited(receive: Receive) -> Receive:
    """The same, as far as a body may go that did not say how long it is."""
    got = 0

    async def limited() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > MAX_BODY:
            raise TooLargeError
        return message

    return limited


def _is_own(headers: Headers) -> bool:
    """Whether a write comes from our own pages, or from no browser; what sends its token by itself is no browser."""
    if headers.get("authorization", "").lower().startswith("bearer "):
        return True
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        return False
    if origin is None:
        return True
    # Behind a proxy that speaks TLS the scheme is another one; the host tells sites apart.
    return urlsplit(origin).netloc == headers.get("host", "")


def _name(host: str) -> str:
    """A Host header without its port."""
    name, _, port = host.rpartition(":")
    return name if name and port.isdecimal() else host


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _no(status: HTTPStatus, why: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"detail": why}, status, dict(headers or {}))
