"""Batches of pictures that are decoded before they are needed, in the order in which they will be."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

# Batches that are decoded before the first of them is taken.
MAX_AHEAD = 4

Indices = NDArray[np.int64]
Images = NDArray[np.uint8]


class ReadAhead:
    """Decodes batches in the order in which they are expected, at most MAX_AHEAD before they are taken."""

    def __init__(self, decode: Callable[[Indices], Images]) -> None:
        self._decode = decode
        self._expected: deque[Indices] = deque()
        self._running: dict[bytes, Future[Images]] = {}
        # One batch at a time, which the source decodes on all cores.
        self._reader = ThreadPoolExecutor(1, "read ahead")

    def expect(self, batches: Iterable[Indices]) -> None:
        """Begin to decode batches that will be taken next; what was expected before is dropped."""
        for future in self._running.values():
            future.cancel()
        self._running.clear()
        self._expected = deque(batches)
        self._read()

    def take(self, batch: Indices) -> Images:
        """The pictures of a batch, which is decoded now where it was not expected. Raises what `decode` raises."""
        future = self._running.pop(batch.tobytes(), None)
        self._read()
        return self._decode(batch) if future is None else future.result()

    def _read(self) -> None:
        while self._expected and len(self._running) < MAX_AHEAD:
            batch = self._expected.popleft()
            self._running[batch.tobytes()] = self._reader.submit(self._decode, batch)
