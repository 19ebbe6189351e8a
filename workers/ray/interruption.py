"""Handling of the signals that end a search: Ctrl-C, and SIGTERM, by which containers and machines are shut down."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# The signal's exception is raised again after this time, longer than it takes a search to stop.
AGAIN_S = 5.0
STDERR = 2


@contextmanager
def handle_signals(message: str = "") -> Iterator[Callable[[], None]]:
    """Raise KeyboardInterrupt at SIGINT and SIGTERM within the block, repeatedly until the block is left.

    Once is not enough: where it is raised in a destructor or a weak reference's callback, Python drops it. Ray installs
    a SIGTERM handler of its own, which leaves the process in the middle of things, with a stack trace; the yielded
    function puts ours back and is to be called after that. The `message` is written at once to standard error.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return

    before: dict[signal.Signals, Any] = {}

    def end(_number: int, _frame: FrameType | None) -> None:
        if message and signal.SIGALRM not in before:
            # Not through a stream, which may be in the middle of a line.
            os.write(STDERR, f"\n{message}\n".encode())
        # Until it is needed here the alarm may be used by other code.
        before.setdefault(signal.SIGALRM, signal.signal(signal.SIGALRM, end))
        signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
        raise KeyboardInterrupt

    hook = sys.unraisablehook

    def unraisable(dropped: "sys.UnraisableHookArgs") -> None:
        # A dropped KeyboardInterrupt is raised again, so that it needs no message.
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            hook(dropped)

    def install() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            before.setdefault(number, signal.signal(number, end))

    install()
    sys.unraisablehook = unraisable
    try:
        yield install
    finally:
        sys.unraisablehook = hook
        if signal.SIGALRM in before:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ignore_signals() -> Iterator[None]:
    """Ignore SIGINT and SIGTERM within the block, which ends by itself within seconds."""
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
