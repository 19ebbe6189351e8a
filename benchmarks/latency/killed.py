"""kill -9 of a measurer and of a trainer inside the window, 50 times each: how long does the next one wait?"""

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


def hold(folder: Path, how: str, held: Any) -> None:
    with getattr(MeasurementLock(folder=folder), how)():
        held.set()
        time.sleep(600)


def main() -> None:
    print(f"\nkill -9 inside the window, {KILLS} times a measurer and {KILLS} times a trainer")
    generator = random.Random(0)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for holds in ("alone", "step"):
            waits = []
            for _ in range(KILLS):
                held = spawn.Event()
                holder = spawn.Process(target=hold, args=(folder, holds, held))
                holder.start()
                held.wait()
                time.sleep(generator.uniform(0, 0.05))
                os.kill(holder.pid or 0, signal.SIGKILL)
                killed = time.perf_counter()
                with MeasurementLock(folder=folder).alone():
                    waits.append(time.perf_counter() - killed)
                holder.join()
            waits.sort()
            print(f"{holds:5}: the next one waited {waits[KILLS // 2] * 1e3:.2f} ms, at most {waits[-1] * 1e3:.2f} ms")
    print("wanted: at most a second")
