"""Being told to end: Ctrl-C, and SIGTERM, by which containers and machines are shut down."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# Longer than it takes a search to stop once it has heard.
AGAIN_S = 5.0
STDERR = 2


@contextmanager
def heard(answer: str = "") -> Iterator[Callable[[], None]]:
    """KeyboardInterrupt at SIGINT and SIGTERM, for the length of the block, again and again until the block is left.

    Once is not enough: where it is raised in a destructor or a weak reference's callback, Python drops it. Under Ray's
    own handler of SIGTERM the process leaves in the middle of things, with a stack trace: what is yielded is to be
    called when Ray has put it in place of ours. The `answer` is said at once, on standard error.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return

    before: dict[signal.Signals, Any] = {}

    def end(_number: int, _frame: FrameType | None) -> None:
        if answer and signal.SIGALRM not in before:
            # Not by way of a stream, which may be in the middle of a line.
            os.write(STDERR, f"\n{answer}\n".encode())
        # The alarm may be somebody else's until it is needed.
        before.setdefault(signal.SIGALRM, signal.signal(signal.SIGALRM, end))
        signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
        raise KeyboardInterrupt

    def listen() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            before.setdefault(number, signal.signal(number, end))

    listen()
    try:
        yield listen
    finally:
        if signal.SIGALRM in before:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
