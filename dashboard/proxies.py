"""Proxies that are trusted to say who makes a request, and from where."""

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers

from nas.errors import ParameterError
from nas.service.server import USER_HEADER
from nas.service.tokens import Right

FORWARDED_FOR, FORWARDED_PROTO = "x-forwarded-for", "x-forwarded-proto"
MAX_NAME = 64


class Proxies:
    """The proxies at these addresses or networks. A person whom one names in the header `user_header` has `right`,
    unless the file of tokens gives another one.

    The header is believed from their addresses alone, the last hop of a request.
    """

    def __init__(
        self, addresses: Sequence[str] = (), user_header: str = USER_HEADER, right: Right = Right.WRITE
    ) -> None:
        self.right = right
        self._user_header = user_header
        try:
            self._networks = [ipaddress.ip_network(address) for address in addresses]
        except ValueError as error:
            raise ParameterError(f"--trusted-proxy: {error}; valid: 127.0.0.1, 10.0.0.0/8, ::1, ...") from error

    def __bool__(self) -> bool:
        return bool(self._networks)

    def trusts(self, address: str) -> bool:
        """Whether one of the proxies has this address."""
        try:
            host = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(host in network for network in self._networks)

    def client(self, peer: str, headers: Headers) -> str:
        """Return the address that a request comes from: the peer's, or the last one before trusted proxies."""
        if not self.trusts(peer):
            return peer
        hops = [hop.strip() for line in headers.getlist(FORWARDED_FOR) for hop in line.split(",")]
        return next((hop for hop in reversed(hops) if hop and not self.trusts(hop)), peer)

    def person(self, peer: str, headers: Headers) -> str | None:
        """Return the name of the person whom a trusted proxy has signed in; None where it names none, or several."""
        names = headers.getlist(self._user_header) if self.trusts(peer) else []
        name = names[0].strip() if len(names) == 1 else ""
        return name if name.isprintable() and 0 < len(name) <= MAX_NAME else None
