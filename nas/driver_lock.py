"""One driver per study on a machine: a second one would take the first one's running trials for a dead process's."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from nas.errors import UserError
from nas.store.store import Store


@contextmanager
def drive(store: Store, study_id: int, study_name: str) -> Iterator[None]:
    """Say in the store that this process drives the study, until the end of the block.

    A process that was killed is recognised as dead. Raises UserError when another one on this machine is alive.
    """
    holder = store.driver(study_id)
    if holder is not None and holder["host"] == socket.gethostname() and _is_alive(holder["pid"], holder["started_at"]):
        raise UserError(
            f"study {study_name!r} is being searched by process {holder['pid']}; stop it or name another --study"
        )
    me = psutil.Process()
    store.set_driver(study_id, {"host": socket.gethostname(), "pid": me.pid, "started_at": me.create_time()})
    try:
        yield
    finally:
        store.set_driver(study_id, None)


def _is_alive(pid: int, started_at: float) -> bool:
    """Whether that very process lives: a pid alone may have been given anew."""
    try:
        process = psutil.Process(pid)
        return process.create_time() == started_at and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
