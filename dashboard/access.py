"""Who may use the web application: everybody on this machine, with a token whoever reaches it from elsewhere."""

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections.abc import Mapping

from nas.errors import ParameterError

VARIABLE = "NAS_API_TOKEN"


class Access:
    """Holds hashes of tokens, not tokens; without any, all requests are allowed."""

    def __init__(self, tokens: tuple[str, ...]) -> None:
        self._digests = [_digest(token) for token in tokens]

    def allows(self, authorization: str) -> bool:
        """Whether an Authorization header carries a token: as `Bearer TOKEN`, or as the password of `Basic`."""
        if not self._digests:
            return True
        given = _digest(_token(authorization))
        # All are compared, whichever matches, so that the time tells nothing.
        return sum(hmac.compare_digest(given, digest) for digest in self._digests) > 0


def access(host: str, environment: Mapping[str, str]) -> Access:
    """What serving at `host` demands; tokens are words of the variable NAS_API_TOKEN.

    Raises ParameterError where others than this machine could come in and there is no token.
    """
    tokens = tuple(environment.get(VARIABLE, "").split())
    if not tokens and not is_loopback(host):
        raise ParameterError(f"--host {host!r} is reachable from other machines: set {VARIABLE}, or serve at 127.0.0.1")
    return Access(tokens)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what is served at the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
    return hashlib.sha256(token.encode()).digest()
