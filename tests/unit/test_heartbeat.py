"""Detection of hung workers: those that have been silent, or in one step, for too long."""

import signal
import subprocess
import sys
import time

import psutil

from workers.ray.heartbeat import (
    ALIVE_S,
    MAX_SILENCE_S,
    MAX_STEP_RATIO,
    MIN_STEP_LIMIT_S,
    HeartbeatMonitor,
    StoppedProcesses,
    Worker,
)

ONE, OTHER = Worker("node", 1, 1.0), Worker("node", 2, 1.0)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_silent_worker_is_given_once() -> None:
    clock = Clock()
    monitor = HeartbeatMonitor(clock)
    monitor.beat(ONE, 0.0)
    monitor.beat(OTHER, 0.0)
    clock.now = MAX_SILENCE_S
    monitor.beat(OTHER, 5.0)
    assert monitor.hung() == []
    clock.now = MAX_SILENCE_S + 1
    assert monitor.hung() == [ONE]
    assert monitor.hung() == []


def test_living_workers_are_known_once_all_can_have_reported() -> None:
    clock = Clock()
    monitor = HeartbeatMonitor(clock)
    monitor.beat(ONE, 0.0)
    monitor.beat(OTHER, 0.0)
    assert monitor.living() is None
    clock.now = ALIVE_S + 1
    monitor.beat(OTHER, 0.0)
    assert monitor.living() == {"node": 1}


def test_a_process_that_was_stopped_before_its_first_report_is_found() -> None:
    clock = Clock()
    stopped = StoppedProcesses(clock)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert stopped.overdue() == []
        process.send_signal(signal.SIGSTOP)
        while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
            time.sleep(0.01)
        assert stopped.overdue() == []
        clock.now = MAX_SILENCE_S + 1
        (overdue,) = stopped.overdue()
        assert overdue.pid == process.pid
        process.send_signal(signal.SIGCONT)
        while psutil.Process(process.pid).status() == psutil.STATUS_STOPPED:
            time.sleep(0.01)
        assert stopped.overdue() == []
    finally:
        process.kill()
        process.wait()


def test_a_step_may_take_many_times_the_longest_one_so_far() -> None:
    monitor = HeartbeatMonitor(Clock())
    monitor.beat(ONE, MIN_STEP_LIMIT_S + 1)
    assert monitor.hung() == [ONE]
    monitor.stepped(MIN_STEP_LIMIT_S)
    monitor.beat(ONE, MAX_STEP_RATIO * MIN_STEP_LIMIT_S - 1)
    assert monitor.hung() == []
    monitor.beat(ONE, MAX_STEP_RATIO * MIN_STEP_LIMIT_S + 1)
    assert monitor.hung() == [ONE]
