"""The helper process of workers.latency.pause: a script that imports nothing, so that it starts in milliseconds.

Arguments: the files of the locks, a gate and a room each. It ends when its standard input is closed.
"""

import fcntl
import os
import select
import signal
import sys
from collections.abc import Sequence

READY = "ready"
# Seconds between two looks at whether a measurement waits: it delays the measurement by half of this on average.
POLL_S = 0.01


def main(paths: Sequence[str]) -> None:
    """Hold the locks in the parent's name; stop the parent and give them up while a measurement waits or runs."""
    # Ctrl-C is for the parent, which closes the input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()
    files = [os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) for path in paths]
    gates, rooms = files[::2], files[1::2]
    _enter(gates, rooms)
    print(READY, flush=True)  # noqa: T201
    while not select.select([sys.stdin], [], [], POLL_S)[0]:
        if _is_measurement_waiting(gates):
            os.kill(parent, signal.SIGSTOP)
            try:
                for room in rooms:
                    fcntl.flock(room, fcntl.LOCK_UN)
                _enter(gates, rooms)
            finally:
                os.kill(parent, signal.SIGCONT)


def _enter(gates: Sequence[int], rooms: Sequence[int]) -> None:
    """Take the rooms shared, each through its gate."""
    for gate, room in zip(gates, rooms, strict=True):
        fcntl.flock(gate, fcntl.LOCK_SH)
        fcntl.flock(room, fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)


def _is_measurement_waiting(gates: Sequence[int]) -> bool:
    for gate in gates:
        try:
            fcntl.flock(gate, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(gate, fcntl.LOCK_UN)
    return False


if __name__ == "__main__":
    main(sys.argv[1:])
