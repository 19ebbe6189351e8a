"""One driver per study: a second one would take the first one's running trials for a dead process's.

A driver says every few seconds that it is alive. One on the same machine that is dead is recognised at once, one on
another machine when it has been silent for a minute; whoever takes over then, the silent one stops when it finds out.
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

BEAT_S, SILENT_S = 10.0, 60.0
# So often a driver looks whether it was asked to stop.
LOOK_S = 2.0


@dataclass(frozen=True)
class Lease:
    """That this process drives the study, as long as the store says so."""

    study_name: str
    is_held: Callable[[], bool]

    def check(self) -> None:
        """Raises SearchInterruptedError when another process drives the study by now."""
        if not self.is_held():
            raise SearchInterruptedError(
                f"study {self.study_name!r} is driven by another process, since this one was silent for too long"
            )


@contextmanager
def drive(
    store: Store,
    study_id: int,
    study_name: str,
    report: Callable[[], Mapping[str, Any]] = dict,
    stop: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.time,
) -> Iterator[Lease]:
    """Say in the store that this process drives the study, until the end of the block.

    `report` is what it says of itself with every beat, as JSON values. `stop` is called, in another thread, when
    somebody asks for it in the store meanwhile. Raises UserError when another one is alive.
    """
    me = psutil.Process()
    name = {**_machine(), "pid": me.pid, "started_at": me.create_time()}

    def beat() -> dict[str, Any]:
        return {**name, "seen_at": clock(), **report()}

    def is_mine(driver: Mapping[str, Any] | None) -> bool:
        return driver is not None and {key: driver.get(key) for key in name} == name

    def is_free(driver: Mapping[str, Any] | None) -> bool:
        return driver is None or is_mine(driver) or not is_alive(driver, clock())

    holder = store.replace_driver(study_id, beat(), is_free)
    if holder is not None and not is_mine(holder):
        raise UserError(
            f"study {study_name!r} is being searched by process {holder['pid']} on {holder['host']}; "
            "stop it or name another --study"
        )
    store.ask_to_stop(study_id, None)
    ended = threading.Event()

    def keep_beating() -> None:
        beaten = time.monotonic()
        while not ended.wait(LOOK_S):
            try:
                if store.is_asked_to_stop(study_id):
                    store.ask_to_stop(study_id, None)
                    stop()
                if time.monotonic() - beaten < BEAT_S:
                    continue
                if not is_mine(store.replace_driver(study_id, beat(), is_mine)):
                    return
                beaten = time.monotonic()
            except StorageError:
                # Whoever needs the database says so; the next beat may come through.
                continue

    beating = threading.Thread(target=keep_beating, name="driver's heartbeat", daemon=True)
    beating.start()
    try:
        yield Lease(study_name, lambda: is_mine(store.driver(study_id)))
    finally:
        ended.set()
        # It may be waiting for a database that is away; it writes nothing more of ours afterwards.
        beating.join(timeout=BEAT_S)
        store.replace_driver(study_id, None, is_mine)


def _machine() -> dict[str, str]:
    """Machines may have the same name, copies of a disk for instance: the kernel knows which start of it this is."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return {"host": socket.gethostname(), **({"boot": boot.read_text().strip()} if boot.exists() else {})}


def is_alive(driver: Mapping[str, Any], now: float) -> bool:
    """Whether that very process lives, as far as can be told from here: a pid alone may have been given anew."""
    here = _machine()
    if any(driver.get(key, mine) != mine for key, mine in here.items()):
        return now - float(driver.get("seen_at", 0.0)) < SILENT_S
    try:
        process = psutil.Process(driver["pid"])
        return process.create_time() == driver["started_at"] and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
