"""A lock that allows one driver per study: a second one would take the first one's running trials for a dead process's.

A driver reports every few seconds that it is alive. A dead one on the same machine is recognised at once, one on
another machine after a minute of silence; a silent driver that was taken over stops when it finds out.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from nas.errors import SearchInterruptedError, StorageError, UserError
from nas.store.store import Store

HEARTBEAT_S, MAX_SILENCE_S = 10.0, 60.0
# The interval at which a driver reads whether it was asked to stop, and whether its report has changed.
POLL_S = 2.0


@dataclass(frozen=True)
class DriverLock:
    """The lock of the process that drives a study, held until the store names another driver."""

    study_name: str
    is_held: Callable[[], bool]

    def check(self) -> None:
        """Raise SearchInterruptedError when another process drives the study by now."""
        if not self.is_held():
            raise SearchInterruptedError(
                f"study {self.study_name!r} is driven by another process, because this one was silent for too long"
            )


@contextmanager
def drive(
    store: Store,
    study_id: int,
    study_name: str,
    report: Callable[[], Mapping[str, Any]] = dict,
    stop: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.time,
    advice: str = "stop it or name another --study",
) -> Iterator[DriverLock]:
    """Lock the study for this process until the end of the block.

    Each heartbeat stores what `report` returns, as JSON values; a changed report is stored at once. `stop` is called in
    another thread when somebody asks for it in the store. Raises UserError, which ends in `advice`, when another driver
    is alive.
    """
    process = psutil.Process()
    identity = {**_machine(), "pid": process.pid, "started_at": process.create_time()}

    def heartbeat(reported: Mapping[str, Any]) -> dict[str, Any]:
        return {**identity, "seen_at": clock(), **reported}

    def is_mine(driver: Mapping[str, Any] | None) -> bool:
        return driver is not None and {key: driver.get(key) for key in identity} == identity

    def is_free(driver: Mapping[str, Any] | None) -> bool:
        return driver is None or is_mine(driver) or not is_alive(driver, clock())

    first = report()
    holder = store.replace_driver(study_id, heartbeat(first), is_free)
    if holder is not None and not is_mine(holder):
        raise driven(study_name, holder, advice)
    store.ask_to_stop(study_id, None)
    ended = threading.Event()

    def keep_alive() -> None:
        last_heartbeat, last_report = time.monotonic(), first
        while not ended.wait(POLL_S):
            try:
                if store.is_asked_to_stop(study_id):
                    store.ask_to_stop(study_id, None)
                    stop()
                reported = report()
                if reported == last_report and time.monotonic() - last_heartbeat < HEARTBEAT_S:
                    continue
                if not is_mine(store.replace_driver(study_id, heartbeat(reported), is_mine)):
                    return
                last_heartbeat, last_report = time.monotonic(), reported
            except StorageError:
                # The main thread reports a database that is away; the next heartbeat may come through.
                continue

    thread = threading.Thread(target=keep_alive, name="driver's heartbeat", daemon=True)
    thread.start()
    try:
        yield DriverLock(study_name, lambda: is_mine(store.driver(study_id)))
    finally:
        ended.set()
        # It may be waiting for a database that is away; it writes no heartbeat of this process afterwards.
        thread.join(timeout=HEARTBEAT_S)
        store.replace_driver(study_id, None, is_mine)


def _machine() -> dict[str, str]:
    """Identify this machine by its name and the kernel's boot id: copies of a disk have the same name."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return {"host": socket.gethostname(), **({"boot": boot.read_text().strip()} if boot.exists() else {})}


def driven(study_name: str, driver: Mapping[str, Any], advice: str) -> UserError:
    """Make the error that says who searches a study."""
    return UserError(f"study {study_name!r} is being searched by process {driver['pid']} on {driver['host']}; {advice}")


def is_alive(driver: Mapping[str, Any], now: float) -> bool:
    """Whether the driver's process is alive. On this machine its start time must match too, as a pid may be reused."""
    here = _machine()
    if any(driver.get(key, mine) != mine for key, mine in here.items()):
        return now - float(driver.get("seen_at", 0.0)) < MAX_SILENCE_S
    try:
        process = psutil.Process(driver["pid"])
        return process.create_time() == driver["started_at"] and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
