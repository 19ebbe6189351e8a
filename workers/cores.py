"""The number of processor cores that this process may use."""

import math
import os
from pathlib import Path

from workers.memory import CGROUP


def available_cores(cgroup: Path = CGROUP) -> int:
    """The number of cores that this process may run on, limited by its container's quota of processor time."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, _quota(cgroup / "cpu.max") or allowed)


def _quota(file: Path) -> int | None:
    """The cores of a cgroup's `QUOTA PERIOD` in microseconds, rounded up; None without a limit."""
    quota, _, period = file.read_text().strip().partition(" ") if file.is_file() else ("max", "", "")
    return max(1, math.ceil(int(quota) / int(period))) if quota.isdecimal() and period.isdecimal() else None
