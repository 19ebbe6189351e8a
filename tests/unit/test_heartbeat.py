"""Who hangs: a worker that has been silent, or at one step, for too long."""

import signal
import subprocess
import sys
import time

import psutil

from workers.ray.heartbeat import HEARD_S, LEAST_STEP_S, SILENT_S, SLOWER, HeartbeatMonitor, StoppedProcesses, Worker

ONE, OTHER = Worker("node", 1, 1.0), Worker("node", 2, 1.0)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_silent_worker_is_told_of_once() -> None:
    clock = Clock()
    monitor = HeartbeatMonitor(clock)
    monitor.beat(ONE, 0.0)
    monitor.beat(OTHER, 0.0)
    clock.now = SILENT_S
    monitor.beat(OTHER, 5.0)
    assert monitor.hung() == []
    clock.now = SILENT_S + 1
    assert monitor.hung() == [ONE]
    assert monitor.hung() == []


def test_who_lives_is_known_once_all_have_been_heard_of() -> None:
    clock = Clock()
    monitor = HeartbeatMonitor(clock)
    monitor.beat(ONE, 0.0)
    monitor.beat(OTHER, 0.0)
    assert monitor.living() is None
    clock.now = HEARD_S + 1
    monitor.beat(OTHER, 0.0)
    assert monitor.living() == {"node": 1}


def test_a_process_that_was_stopped_before_it_said_anything_is_found() -> None:
    clock = Clock()
    frozen = StoppedProcesses(clock)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert frozen.look() == []
        process.send_signal(signal.SIGSTOP)
        while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
            time.sleep(0.01)
        assert frozen.look() == []
        clock.now = SILENT_S + 1
        (found,) = frozen.look()
        assert found.pid == process.pid
        process.send_signal(signal.SIGCONT)
        while psutil.Process(process.pid).status() == psutil.STATUS_STOPPED:
            time.sleep(0.01)
        assert frozen.look() == []
    finally:
        process.kill()
        process.wait()


def test_a_step_may_take_many_times_the_longest_one_so_far() -> None:
    monitor = HeartbeatMonitor(Clock())
    monitor.beat(ONE, LEAST_STEP_S + 1)
    assert monitor.hung() == [ONE]
    monitor.stepped(LEAST_STEP_S)
    monitor.beat(ONE, SLOWER * LEAST_STEP_S - 1)
    assert monitor.hung() == []
    monitor.beat(ONE, SLOWER * LEAST_STEP_S + 1)
    assert monitor.hung() == [ONE]
