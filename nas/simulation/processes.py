"""Jobs run in a pool of processes, none of which outlives the command, however it ends."""

import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from typing import Any, TypeVar

import hybrid_nas
from nas.latency.machine import available_cores

T = TypeVar("T")


def run_in_processes(
    call: Callable[..., T],
    jobs: Iterable[tuple[Any, ...]],
    initialise: Callable[[], None],
    on_job_done: Callable[[], None] = lambda: None,
) -> list[T]:
    """Run `call` with the arguments of each job and return the results in the order of the jobs.

    There is a process for each core, which calls `initialise` first. `on_job_done` is called after each job. Raises
    what a job raises.

    To be called from the main thread: Ctrl-C reaches only that one, which then ends the jobs. A process interrupted
    while it takes or returns a job would never end.
    """
    other_processes = active_children()
    # Pickled apart: `nas` is not imported yet in a new process, and would be the user's where he has one.
    begin = pickle.dumps(partial(_begin, initialise))
    pool = ProcessPoolExecutor(available_cores(), get_context("spawn"), hybrid_nas.call_pickled, (begin,))
    # Processes start as jobs are submitted, and inherit the mask of blocked signals.
    mask_before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        futures = [pool.submit(call, *job) for job in jobs]
        signal.pthread_sigmask(signal.SIG_SETMASK, mask_before)
        for future in as_completed(futures):
            future.result()
            on_job_done()
        return [future.result() for future in futures]
    except BaseException:
        for process in active_children():
            if process not in other_processes:
                process.kill()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask_before)
        pool.shutdown(cancel_futures=True)


def _begin(initialise: Callable[[], None]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    initialise()


def _end_with_parent() -> None:
    """End this process when its parent ends, even if that is killed."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
