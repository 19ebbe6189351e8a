"""How much one client may ask for: a bucket of tokens each, refilled over time (Turner, 1986)."""

import time
from collections import OrderedDict
from collections.abc import Callable

# More clients than this are not remembered; the one that was silent longest is forgotten.
MAX_CLIENTS = 10_000


class Bucket:
    """`burst` requests at once, `rate` a second in the long run, for each client by itself."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def has(self, client: str) -> bool:
        """Whether the client may still ask."""
        return self._now(client) >= 1

    def take(self, client: str) -> bool:
        """Whether the client may ask now; if so, it has asked."""
        left = self._now(client)
        taken = left >= 1
        self._left[client] = (left - taken, self._clock())
        self._left.move_to_end(client)
        if len(self._left) > MAX_CLIENTS:
            self._left.popitem(last=False)
        return taken

    def _now(self, client: str) -> float:
        left, at = self._left.get(client, (self._burst, self._clock()))
        return min(self._burst, left + self._rate * (self._clock() - at))
