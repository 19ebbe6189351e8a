"""ASGI middleware that admits or refuses every request before the application sees it."""

from collections.abc import Mapping
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access import COOKIE, Access, is_loopback, token_of
from dashboard.audit import AuditLog
from dashboard.guesses import Guesses
from dashboard.identity import ANYBODY, NOBODY, Identity
from dashboard.limits import Bucket
from nas.service.tokens import Right

# Requests per second, and at once, from one address: a page sends some ten, then one per second.
RATE, BURST = 200.0, 1000.0
MAX_BODY = 1 << 20
_TOO_LARGE = f"the body is longer than {MAX_BODY} bytes"
SAFE = ("GET", "HEAD", "OPTIONS")
SESSION = "/api/v1/session"
# Paths that are needed to sign in, and the health check, which reveals nothing.
PUBLIC = (
    "/healthz",
    "/signin",
    SESSION,
    *(f"/static/{name}" for name in ("style.css", "icon.svg", "signin.js", "api.js")),
)
HEADERS: Mapping[str, str] = {
    # plotly.js sets styles inline. No script is inline.
    "Content-Security-Policy": "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class TooLargeError(HTTPException):
    """A body that turns out to be too long while it is read. FastAPI lets an HTTPException pass through."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)


class Guard:
    """Middleware that checks a request's rate, host, size, origin and token, and adds security headers to responses.

    The application finds who makes a request in its state: `identity`, and the address `client`.
    """

    def __init__(self, app: ASGIApp, access: Access, guesses: Guesses, audit_log: AuditLog) -> None:
        self._app = app
        self._access = access
        self._requests = Bucket(RATE, BURST)
        self._guesses = guesses
        self._audit_log = audit_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        peer = (scope.get("client") or ("unknown",))[0]
        client = self._access.proxies.client(peer, Headers(scope=scope))
        state = scope.setdefault("state", {})
        state.update(client=client, identity=ANYBODY if self._access.is_open else NOBODY)
        has_started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                # Strangers' requests are refused, and would fill the log.
                if scope["method"] not in SAFE and state["identity"] != NOBODY:
                    await self._audit_log.record(state["identity"], client, scope, message["status"])
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope, peer, client)
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, _limited(receive), send_with_headers)
        except TooLargeError:
            if not has_started:
                await _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope, peer: str, client: str) -> Response | None:
        headers = Headers(scope=scope)
        path, method = scope["path"], scope["method"]
        if not self._requests.take(client):
            return _refuse(HTTPStatus.TOO_MANY_REQUESTS, "too many requests: wait a moment", {"Retry-After": "1"})
        if self._access.is_open and not is_loopback(_host_name(headers.get("host", ""))):
            # A foreign name that resolves to this machine would give its pages our origin (DNS rebinding).
            return _refuse(HTTPStatus.MISDIRECTED_REQUEST, "without a token only loopback names are served")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY:
            return _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
        if "transfer-encoding" in headers and path.startswith("/optuna"):
            # Optuna's WSGI application needs the length: it would read past the end of the body.
            return _refuse(HTTPStatus.LENGTH_REQUIRED, "the Content-Length header is required")
        if method not in SAFE:
            if not _is_same_site(headers):
                return _refuse(HTTPStatus.FORBIDDEN, "cross-site writes are refused")
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind not in ("", "application/json"):
                return _refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body must be application/json")
        if path in PUBLIC:
            return None
        identity = ANYBODY if self._access.is_open else self._identity(headers, peer, client)
        if identity is None:
            return _refuse(HTTPStatus.TOO_MANY_REQUESTS, "too many wrong tokens: wait a minute", {"Retry-After": "60"})
        scope["state"]["identity"] = identity
        return _missing_right(scope, headers, identity.right)

    def _identity(self, headers: Headers, peer: str, client: str) -> Identity | None:
        """Find out who makes a request; None where the address has tried too many wrong tokens to look at another."""
        person = self._access.proxies.person(peer, headers)
        if person is not None:
            # An Authorization header beside the name is the proxy's own business.
            return self._access.of_person(person)
        identity, authorization = NOBODY, headers.get("authorization", "")
        if authorization:
            token = token_of(authorization)
            if not self._guesses.may_try(client, token):
                return None
            identity = self._access.of_token(token)
            self._guesses.note(client, token, is_right=identity != NOBODY)
        return identity if identity != NOBODY else self._access.of_session(session_cookie(headers))


def _missing_right(scope: Scope, headers: Headers, right: Right) -> Response | None:
    method = scope["method"]
    if right is Right.NOTHING:
        if method == "GET" and "text/html" in headers.get("accept", ""):
            target = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
            return RedirectResponse(f"/signin?next={quote(target, safe='')}", HTTPStatus.SEE_OTHER)
        return _refuse(HTTPStatus.UNAUTHORIZED, "a token is required", {"WWW-Authenticate": 'Bearer realm="nas"'})
    if right < Right.WRITE and method not in SAFE:
        return _refuse(HTTPStatus.FORBIDDEN, "this token is read-only")
    return None


def _limited(receive: Receive) -> Receive:
    """Wrap `receive` to raise TooLargeError once a body of unknown length exceeds MAX_BODY."""
    received_bytes = 0

    async def limited() -> Message:
        nonlocal received_bytes
        message = await receive()
        received_bytes += len(message.get("body", b""))
        if received_bytes > MAX_BODY:
            raise TooLargeError
        return message

    return limited


def _is_same_site(headers: Headers) -> bool:
    """Whether a write comes from our own pages or from a program. A request with a bearer token is from a program."""
    if headers.get("authorization", "").lower().startswith("bearer "):
        return True
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        return False
    if origin is None:
        return True
    # Behind a TLS proxy the scheme differs, so that only the host is compared.
    return urlsplit(origin).netloc == headers.get("host", "")


def _host_name(host: str) -> str:
    """Return a Host header without its port."""
    name, _, port = host.rpartition(":")
    return name if name and port.isdecimal() else host


def session_cookie(headers: Headers) -> str:
    """Read the value of the session's cookie; empty where there is none."""
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie is not None else ""


def _refuse(status: HTTPStatus, reason: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"detail": reason}, status, dict(headers or {}))
