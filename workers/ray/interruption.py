"""Being told to end: Ctrl-C, and SIGTERM, by which containers and machines are shut down."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# Longer than it takes a search to stop once it has heard.
AGAIN_S = 5.0
STDERR = 2


@contextmanager
def handle_signals(answer: str = "") -> Iterator[Callable[[], None]]:
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

    hook = sys.unraisablehook

    def unraisable(dropped: "sys.UnraisableHookArgs") -> None:
        # It comes again: nothing is to be told of it.
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            hook(dropped)

    def listen() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            before.setdefault(number, signal.signal(number, end))

    listen()
    sys.unraisablehook = unraisable
    try:
        yield listen
    finally:
        sys.unraisablehook = hook
        if signal.SIGALRM in before:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ignore_signals() -> Iterator[None]:
    """SIGINT and SIGTERM do nothing for the length of the block, which ends by itself within seconds."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Not SIG_IGN, which child processes would inherit.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
