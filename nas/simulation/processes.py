"""Jobs done in processes, none of which is left behind, whatever ends the command."""

import os
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from typing import Any, TypeVar

T = TypeVar("T")


def all_done(
    call: Callable[..., T],
    jobs: Iterable[tuple[Any, ...]],
    ready: Callable[[], None],
    ended: Callable[[], None] = lambda: None,
) -> list[T]:
    """What `call` makes of each job's arguments, in their order. A process for each core, which is made `ready` first.

    `ended` is called after each job. Raises what a job raises.

    From the main thread. Ctrl-C reaches that alone, and ends the jobs: a process that is interrupted as it takes or
    returns a job would never end.
    """
    others = active_children()
    pool = ProcessPoolExecutor(os.cpu_count() or 1, get_context("spawn"), _begin, (ready,))
    # Processes start as jobs are submitted, and inherit what signals are blocked.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        running = [pool.submit(call, *job) for job in jobs]
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for each in as_completed(running):
            each.result()
            ended()
        return [each.result() for each in running]
    except BaseException:
        for process in active_children():
            if process not in others:
                process.kill()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        pool.shutdown(cancel_futures=True)


def _begin(ready: Callable[[], None]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    ready()


def _end_with_parent() -> None:
    """Also with one that is killed."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
