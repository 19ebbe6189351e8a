"""The processor cores that this process may use."""

import math
import os
from pathlib import Path

from workers.memory import CGROUP


def own_cores(cgroup: Path = CGROUP) -> int:
    """The cores that this process may run on, no more than its container's quota of processor time pays for."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, _quota(cgroup / "cpu.max") or allowed)


def _quota(file: Path) -> int | None:
    """Cores of a cgroup's `QUOTA PERIOD` in microseconds, a part of one as a whole; None without a limit."""
    quota, _, period = file.read_text().strip().partition(" ") if file.is_file() else ("max", "", "")
    return max(1, math.ceil(int(quota) / int(period))) if quota.isdecimal() and period.isdecimal() else None
