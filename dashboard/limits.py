"""Rate limits per client: a token bucket, refilled over time (Turner, 1986)."""

import time
from collections import OrderedDict
from collections.abc import Callable

# Beyond this number the client that was silent longest is forgotten.
MAX_CLIENTS = 10_000


class Bucket:
    """Token buckets that allow each client `burst` requests at once and `rate` per second in the long run."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def has(self, client: str) -> bool:
        """Whether the client has a request left."""
        return self._now(client) >= 1

    def take(self, client: str) -> bool:
        """Use up one of the client's requests; False if none is left."""
        left = self._now(client)
        is_allowed = left >= 1
        self._left[client] = (left - is_allowed, self._clock())
        self._left.move_to_end(client)
        if len(self._left) > MAX_CLIENTS:
            self._left.popitem(last=False)
        return is_allowed

    def _now(self, client: str) -> float:
        left, at = self._left.get(client, (self._burst, self._clock()))
        return min(self._burst, left + self._rate * (self._clock() - at))
