"""The cores and the memory that this process may use: those of the machine, or of its container.

A container's limits are those of its control groups, of version 2 or 1. Groups are nested, and each limits all inside
of it; a process in a container often sees only its own, at the top.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")
# The groups that this process is in, a line each: number, controllers (none in version 2) and path.
MEMBERSHIP = Path("/proc/self/cgroup")


def available_cores(cgroup: Path = CGROUP, membership: Path = MEMBERSHIP) -> int:
    """The number of cores that this process may run on, limited by its container's quota of processor time."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = (_quota(group) for group in _groups("cpu", cgroup, membership))
    return max(1, math.ceil(min([allowed, *(quota for quota in quotas if quota is not None)])))


def available_bytes(cgroup: Path = CGROUP, membership: Path = MEMBERSHIP) -> int:
    """The bytes that are still available on this machine, or in this container if it has a limit."""
    free = [_free(group) for group in _groups("memory", cgroup, membership)]
    return max(0, min([psutil.virtual_memory().available, *(count for count in free if count is not None)]))


def _groups(controller: str, cgroup: Path, membership: Path) -> Iterator[Path]:
    """Yield the folders of the controller's groups that hold this process, the inner ones first.

    Version 1 has a tree of folders for each controller, version 2 one for all.
    """
    lines = membership.read_text().splitlines() if membership.is_file() else []
    paths = {name: path for _, names, path in (line.split(":", 2) for line in lines) for name in names.split(",")}
    for tree, name in ((cgroup / controller, controller), (cgroup, "")):
        # A path that begins above what a container sees has `..` at its beginning.
        parts = [part for part in paths.get(name, "").split("/") if part and part != ".."]
        for depth in range(len(parts), -1, -1):
            yield tree.joinpath(*parts[:depth])


def _quota(group: Path) -> float | None:
    """The cores that a group's quota of microseconds in each period comes to; None without one."""
    quota, _, period = _text(group / "cpu.max").partition(" ")
    if not quota:
        quota, period = _text(group / "cpu.cfs_quota_us"), _text(group / "cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() and int(period) else None


def _free(group: Path) -> int | None:
    """The bytes that a group's limit leaves; None without one. The kernel gives up cached files where it needs to."""
    for limit, used, cached in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        limit_bytes, used_bytes = _text(group / limit), _text(group / used)
        if limit_bytes.isdecimal() and used_bytes.isdecimal():
            lines = (line.split() for line in _text(group / "memory.stat").splitlines())
            cached_bytes = next((int(count) for name, count in lines if name == cached), 0)
            return int(limit_bytes) - int(used_bytes) + cached_bytes
    return None


def _text(file: Path) -> str:
    return file.read_text().strip() if file.is_file() else ""
