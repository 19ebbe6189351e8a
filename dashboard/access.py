"""Access control of the web application: requests from this machine are free, others need a token or proxy."""

import base64
import binascii
import hashlib
import ipaddress
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

from itsdangerous import BadSignature, TimestampSigner

from dashboard.identity import ANYBODY, NOBODY, Identity
from dashboard.proxies import Proxies
from dashboard.token_list import TokenList
from nas.errors import ParameterError
from nas.service import TOKEN_VARIABLE
from nas.service.tokens import digest_of, parse_token

COOKIE = "nas_session"
SESSION_S = 7 * 24 * 3600
# Beyond this number the oldest session ends.
MAX_SESSIONS = 10_000


class Access:
    """The accepted tokens, proxies and sessions. Without tokens and proxies, every request may do everything.

    A token is one of nas.service.tokens.parse_token, in `tokens` or in the `file`. A session is that of a token: it
    ends with it, and with this process, which alone knows its sessions.
    """

    def __init__(self, tokens: Sequence[str] = (), file: Path | None = None, proxies: Proxies | None = None) -> None:
        self.proxies = Proxies() if proxies is None else proxies
        self._tokens = TokenList([parse_token(token) for token in tokens], file)
        self._signer = TimestampSigner(secrets.token_bytes(32), salt=COOKIE, digest_method=hashlib.sha256)
        # The digests of the sessions' tokens.
        self._sessions: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether requests need no token."""
        return self._tokens.is_empty and not self.proxies

    def of_token(self, token: str) -> Identity:
        """Return who has a token, and its right."""
        return ANYBODY if self.is_open else self._tokens.identity(token)

    def of_person(self, name: str) -> Identity:
        """Return the person whom a trusted proxy has signed in."""
        return Identity(name, self._tokens.right_of_person(name, self.proxies.right))

    def begin_session(self, token: str) -> str:
        """Return a cookie value that stands for the token for a week, or until either ends."""
        session = secrets.token_hex(16)
        with self._lock:
            self._sessions[session] = digest_of(token)
            if len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)
        return self._signer.sign(session).decode()

    def end_session(self, cookie: str) -> None:
        """End the session of a cookie value, at once and wherever else the value is kept."""
        with self._lock:
            self._sessions.pop(self._session(cookie), None)

    def of_session(self, cookie: str) -> Identity:
        """Return whose session it is: nobody's once it has ended or where its signature is wrong."""
        with self._lock:
            digest = self._sessions.get(self._session(cookie))
        return NOBODY if digest is None else self._tokens.identity_of_digest(digest)

    def _session(self, cookie: str) -> str:
        try:
            return self._signer.unsign(cookie, max_age=SESSION_S).decode()
        except BadSignature:
            return ""


def access(
    host: str, environment: Mapping[str, str], file: Path | None = None, proxies: Proxies | None = None
) -> Access:
    """Return the access control for serving at `host`, with the tokens of the variable NAS_API_TOKEN and of a file.

    Raises ParameterError if other machines can reach the host and nobody would be asked who he is, for an invalid
    token, and for a file that is missing.
    """
    tokens = tuple(environment.get(TOKEN_VARIABLE, "").split())
    if file is not None and not file.is_file():
        raise ParameterError(f"--tokens {str(file)!r} is no file; `nas dashboard token new NAME` makes one")
    allowed = Access(tokens, file, proxies)
    if allowed.is_open and not is_loopback(host):
        raise ParameterError(
            f"--host {host!r} is reachable from other machines: set {TOKEN_VARIABLE}, or serve at 127.0.0.1"
        )
    return allowed


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def token_of(authorization: str) -> str:
    """Read the token of an Authorization header, `Bearer TOKEN` or the password of `Basic`; empty without one."""
    kind, _, value = authorization.partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""
