"""The measurement lock between real processes: exclusive is alone, nobody starves, a dead holder releases all."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

from workers.latency.measurement_lock import MeasurementLock

spawn = multiprocessing.get_context("spawn")


def keep_stepping(folder: Path, running: object, steps: object) -> None:
    """Steps back to back, counted; `running` counts those under way."""
    lock = MeasurementLock(folder=folder)
    while True:
        with lock.shared():
            with running.get_lock():
                running.value += 1
            time.sleep(0.002)
            with running.get_lock():
                running.value -= 1
                steps.value += 1


def hold(folder: Path, how: str, held: object) -> None:
    with getattr(MeasurementLock(folder=folder), how)():
        held.set()
        time.sleep(60)


def test_a_measurement_is_alone_and_not_starved_by_several_trainers(tmp_path: Path) -> None:
    running, steps = spawn.Value("i", 0), spawn.Value("i", 0)
    trainers = [spawn.Process(target=keep_stepping, args=(tmp_path, running, steps), daemon=True) for _ in range(3)]
    for trainer in trainers:
        trainer.start()
    while steps.value < 30:
        time.sleep(0.01)
    lock = MeasurementLock(folder=tmp_path)
    for _ in range(20):
        with lock.exclusive():
            before = steps.value
            assert running.value == 0
            time.sleep(0.01)
            assert (running.value, steps.value) == (0, before)
    before = steps.value
    while steps.value < before + 30:
        time.sleep(0.01)
    for trainer in trainers:
        trainer.kill()
        trainer.join()


def test_the_exclusive_holder_may_enter_again_and_stays_alone(tmp_path: Path) -> None:
    running, steps = spawn.Value("i", 0), spawn.Value("i", 0)
    trainer = spawn.Process(target=keep_stepping, args=(tmp_path, running, steps), daemon=True)
    trainer.start()
    while steps.value < 10:
        time.sleep(0.01)
    lock = MeasurementLock(folder=tmp_path)
    with lock.exclusive():
        before = steps.value
        with lock.shared():
            pass
        with lock.exclusive(), lock.shared():
            pass
        time.sleep(0.05)
        assert (running.value, steps.value) == (0, before)
    while steps.value < before + 10:
        time.sleep(0.01)
    trainer.kill()
    trainer.join()


def test_a_killed_holder_leaves_nothing_locked(tmp_path: Path) -> None:
    for how in ("exclusive", "shared"):
        held = spawn.Event()
        holder = spawn.Process(target=hold, args=(tmp_path, how, held))
        holder.start()
        assert held.wait(30)
        os.kill(holder.pid, signal.SIGKILL)
        holder.join()
        with MeasurementLock(folder=tmp_path).exclusive():
            pass
        with MeasurementLock(folder=tmp_path).shared():
            pass
