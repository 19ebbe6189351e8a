"""The limit of wrong tokens, which shuts out nobody who has a right one."""

from collections import OrderedDict
from typing import TypeVar

from dashboard.limits import Bucket
from nas.service.tokens import digest_of

# Wrong tokens from one address: one in ten seconds, ten at once.
GUESS_RATE, GUESS_BURST = 0.1, 10.0
# Tokens of so many characters are not guessed, so that nothing is gained by refusing to look at them.
MIN_STRONG = 32
MAX_REMEMBERED = 10_000
Key = TypeVar("Key")


class Guesses:
    """The tokens that were tried, by the address that they came from.

    Where an address has used up its guesses, a token is still looked at that is too long to guess or was right before.
    A wrong token that is sent again is no further guess: a program with an old one uses up nobody's.
    """

    def __init__(self) -> None:
        self._bucket = Bucket(GUESS_RATE, GUESS_BURST)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._wrong: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    def may_try(self, client: str, token: str) -> bool:
        """Whether a token from this address is to be looked at."""
        return self._bucket.has(client) or len(token) >= MIN_STRONG or digest_of(token) in self._right

    def note(self, client: str, token: str, *, is_right: bool) -> None:
        """Count a token that was looked at."""
        digest = digest_of(token)
        if is_right:
            _remember(self._right, digest)
        elif (client, digest) not in self._wrong:
            self._bucket.take(client)
            _remember(self._wrong, (client, digest))


def _remember(known: OrderedDict[Key, None], key: Key) -> None:
    known[key] = None
    known.move_to_end(key)
    if len(known) > MAX_REMEMBERED:
        known.popitem(last=False)
