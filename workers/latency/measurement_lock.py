"""The quiet window: trainers stand aside, step by step, while one process measures alone. Between unrelated processes.

Two advisory locks on files, which the system releases when a process dies. A trainer's step shares the room; a
measurement has it to itself. Whoever measures holds the gate first, through which every step passes, so that trainers
cannot keep the room occupied by turns.
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
    """One per machine, or per GPU, and user; in the system's folder for temporary files unless told otherwise.

    Pickled without its open files: each process opens its own. Whoever is alone may say so again, and make steps.
    """

    _is_mine = False

    def __init__(self, quarters: str = MACHINE, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.gettempdir()) / f"nas-quiet-{os.getuid()}"
        self._quarters = quarters

    def __getstate__(self) -> dict[str, object]:
        return {"folder": self.folder, "_quarters": self._quarters}

    @contextmanager
    def step(self) -> Iterator[None]:
        """A trainer's step, or any other short work: waits while a measurement waits or runs."""
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
    def alone(self) -> Iterator[None]:
        """A measurement: begins when all steps under way have ended, and none begins before it ends."""
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

    @cached_property
    def _gate(self) -> int:
        return self._open("gate")

    @cached_property
    def _room(self) -> int:
        return self._open("room")

    def _open(self, name: str) -> int:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self.folder.stat().st_uid != os.getuid():
            # Whoever made it could hold these locks for ever.
            raise UserError(f"folder {str(self.folder)!r}, by which measurements take turns, is another user's")
        return os.open(self.folder / f"{self._quarters}-{name}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def locks_for(device: str, index: int | None = None) -> tuple[MeasurementLock, ...]:
    """Whom a trainer on `device` could disturb: a measurement on the machine, and one on its own GPU."""
    machine = MeasurementLock()
    return (machine,) if device == "cpu" else (machine, MeasurementLock(gpu(index)))


@contextmanager
def shared_step(windows: Sequence[MeasurementLock]) -> Iterator[None]:
    """A step that stands aside for measurements in all of `windows`."""
    with ExitStack() as stack:
        for window in windows:
            stack.enter_context(window.step())
        yield
