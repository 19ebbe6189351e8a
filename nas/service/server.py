"""The settings of a server of the web application, as `nas dashboard` takes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.service.tokens import Right

DEFAULT_TOKENS = Path("nas-tokens")
USER_HEADER = "X-Forwarded-User"


@dataclass(frozen=True)
class ServerOptions:
    """The address to listen on, the folders that searches use, the file of tokens, and the proxies that are trusted.

    A person whom a trusted proxy names in the header `user_header` has the right `proxy_right`, unless the file of
    tokens gives another one.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    searches: Path = Path("nas-searches")
    roots: Sequence[Path] = ()
    tokens: Path | None = None
    trusted_proxies: Sequence[str] = ()
    user_header: str = USER_HEADER
    proxy_right: Right = Right.WRITE
