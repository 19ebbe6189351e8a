"""Pausing a process while others measure: for training code that does not take the measurement lock step by step.

A small helper process holds the lock shared in the name of its parent. When a measurement waits, it stops the parent,
gives the lock up, and takes it again when the measurement is over.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from workers.latency import pause_helper
from workers.latency.measurement_lock import MeasurementLock


@contextmanager
def paused_for_measurements(locks: Sequence[MeasurementLock]) -> Iterator[None]:
    """Run the body with this process stopped while any process measures under one of `locks`."""
    paths = [str(path) for lock in locks for path in lock.files]
    # Isolated: neither the working directory nor this folder is searched for modules.
    command = [sys.executable, "-I", "-S", pause_helper.__file__, *paths]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as helper:  # noqa: S603
        if helper.stdin is None or helper.stdout is None or helper.stdout.readline().strip() != pause_helper.READY:
            raise RuntimeError("the helper process that pauses for measurements did not start")
        try:
            yield
        finally:
            # Not killed: it must not end between stopping this process and continuing it.
            helper.stdin.close()
