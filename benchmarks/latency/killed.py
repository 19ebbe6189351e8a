"""kill -9 of holders of the measurement lock, 50 measurers and 50 trainers, and the wait of the next one."""

import multiprocessing
import os
import random
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from workers.latency.measurement_lock import MeasurementLock

spawn = multiprocessing.get_context("spawn")
KILLS = 50


def hold(folder: Path, mode: str, held: Any) -> None:
    with getattr(MeasurementLock(folder=folder), mode)():
        held.set()
        time.sleep(600)


def main() -> None:
    print(f"\nkill -9 of the holder of the measurement lock, {KILLS} times a measurer and {KILLS} times a trainer")
    generator = random.Random(0)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for mode in ("exclusive", "shared"):
            waits = []
            for _ in range(KILLS):
                held = spawn.Event()
                holder = spawn.Process(target=hold, args=(folder, mode, held))
                holder.start()
                held.wait()
                time.sleep(generator.uniform(0, 0.05))
                os.kill(holder.pid or 0, signal.SIGKILL)
                killed = time.perf_counter()
                with MeasurementLock(folder=folder).exclusive():
                    waits.append(time.perf_counter() - killed)
                holder.join()
            waits.sort()
            print(f"{mode:9}: the next one waited {waits[KILLS // 2] * 1e3:.2f} ms, at most {waits[-1] * 1e3:.2f} ms")
    print("wanted: at most a second")
