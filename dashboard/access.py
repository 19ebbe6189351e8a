"""Access control of the web application: requests from this machine are free, others need a token."""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Mapping
from enum import IntEnum

from itsdangerous import BadSignature, TimestampSigner

from nas.errors import ParameterError
from nas.service import READ_ONLY, TOKEN_VARIABLE

HASHED = "sha256:"
COOKIE = "nas_session"
SESSION_S = 7 * 24 * 3600


class Right(IntEnum):
    """The right of a request."""

    NOTHING = 0
    READ = 1
    WRITE = 2


class Access:
    """The accepted tokens and sessions. Without tokens, every request may do everything.

    A token is `TOKEN`, or `ro:TOKEN` if it is read-only; either may be given as its SHA-256: `sha256:HEX`. Only hashes
    of tokens are kept. Sessions are signed with a secret of this process, so that they end with it.
    """

    def __init__(self, tokens: tuple[str, ...]) -> None:
        self._rights = {_parse_digest(token.removeprefix(READ_ONLY)): _parse_right(token) for token in tokens}
        self._signer = TimestampSigner(secrets.token_bytes(32), salt=COOKIE, digest_method=hashlib.sha256)

    @property
    def is_open(self) -> bool:
        """Whether requests need no token."""
        return not self._rights

    def right_of_token(self, token: str) -> Right:
        """Return what a token allows."""
        token_digest = _digest(token)
        # All are compared, whichever matches, so that the time reveals nothing.
        return max((Right(right * hmac.compare_digest(token_digest, digest)) for digest, right in self._rights.items()))

    def right_of_header(self, authorization: str) -> Right:
        """Return what an Authorization header allows: a token as `Bearer TOKEN`, or as the password of `Basic`."""
        return Right.WRITE if self.is_open else self.right_of_token(_token(authorization))

    def begin_session(self, right: Right) -> str:
        """Return a cookie value that grants the right for a week, or until the process ends."""
        return self._signer.sign(str(int(right))).decode()

    def right_of_session(self, cookie: str) -> Right:
        """Return what a cookie value allows: nothing once it has expired or where its signature is wrong."""
        try:
            return Right(int(self._signer.unsign(cookie, max_age=SESSION_S)))
        except BadSignature:
            return Right.NOTHING


def access(host: str, environment: Mapping[str, str]) -> Access:
    """Return the access control for serving at `host`, with the tokens of the variable NAS_API_TOKEN.

    Raises ParameterError if other machines can reach the host and there is no token, and for an invalid hash.
    """
    tokens = tuple(environment.get(TOKEN_VARIABLE, "").split())
    if not tokens and not is_loopback(host):
        raise ParameterError(
            f"--host {host!r} is reachable from other machines: set {TOKEN_VARIABLE}, or serve at 127.0.0.1"
        )
    return Access(tokens)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _parse_right(token: str) -> Right:
    return Right.READ if token.startswith(READ_ONLY) else Right.WRITE


def _parse_digest(token: str) -> bytes:
    if not token.removeprefix(HASHED):
        raise ParameterError(f"{TOKEN_VARIABLE} has an empty token")
    if not token.startswith(HASHED):
        return _digest(token)
    try:
        digest = bytes.fromhex(token.removeprefix(HASHED))
    except ValueError:
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        raise ParameterError(
            f"{TOKEN_VARIABLE} has a token that begins with {HASHED} but is not a SHA-256 in hexadecimal digits"
        )
    return digest


def _token(authorization: str) -> str:
    kind, _, value = authorization.partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
