"""The measurement lock: trainers pause between steps while one process measures alone, also across unrelated processes.

Two advisory locks on files, which the system releases when a process dies. A trainer's step holds the room shared; a
measurement holds it exclusively. A measuring process first takes the gate, which every step passes through, so that
trainers cannot keep the room occupied by turns.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

from nas.errors import UserError
from workers.device import gpu

MACHINE = "machine"


class MeasurementLock:
    """The lock of a domain (the machine, or one GPU) and user; by default in the system's folder for temporary files.

    Pickled without its open files: each process opens its own. The holder of the exclusive lock may enter `exclusive`
    and `shared` again.
    """

    _is_mine = False

    def __init__(self, domain: str = MACHINE, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.gettempdir()) / f"nas-quiet-{os.getuid()}"
        self._domain = domain

    def __getstate__(self) -> dict[str, object]:
        return {"folder": self.folder, "_domain": self._domain}

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the lock for a trainer's step or other short work; waits while a measurement waits or runs."""
        if self._is_mine:
            yield
            return
        fcntl.flock(self._gate, fcntl.LOCK_SH)
        fcntl.flock(self._room, fcntl.LOCK_SH)
        fcntl.flock(self._gate, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._room, fcntl.LOCK_UN)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock for a measurement: begins when all running steps have ended; none begins before it ends."""
        if self._is_mine:
            yield
            return
        fcntl.flock(self._gate, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._room, fcntl.LOCK_EX)
            self._is_mine = True
            try:
                yield
            finally:
                self._is_mine = False
                fcntl.flock(self._room, fcntl.LOCK_UN)
        finally:
            fcntl.flock(self._gate, fcntl.LOCK_UN)

    @property
    def files(self) -> tuple[Path, Path]:
        """The files of the gate and of the room, made where they are missing."""
        _ = self._gate, self._room
        return self._path("gate"), self._path("room")

    @cached_property
    def _gate(self) -> int:
        return self._open("gate")

    @cached_property
    def _room(self) -> int:
        return self._open("room")

    def _path(self, name: str) -> Path:
        return self.folder / f"{self._domain}-{name}"

    def _open(self, name: str) -> int:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self.folder.stat().st_uid != os.getuid():
            # Its owner could hold these locks for ever.
            raise UserError(f"folder {str(self.folder)!r}, which holds the measurement lock, belongs to another user")
        return os.open(self._path(name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def locks_for(device: str, index: int | None = None) -> tuple[MeasurementLock, ...]:
    """The locks that a trainer on `device` shares: the machine's, and that of its own GPU."""
    machine = MeasurementLock()
    return (machine,) if device == "cpu" else (machine, MeasurementLock(gpu(index)))


@contextmanager
def shared_step(locks: Sequence[MeasurementLock]) -> Iterator[None]:
    """Hold all of `locks` shared, for one training step."""
    with ExitStack() as stack:
        for lock in locks:
            stack.enter_context(lock.shared())
        yield
