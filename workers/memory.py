"""Memory: how torch says that it ran out, and a worker's share of a machine's, beyond which it does."""

import resource
from pathlib import Path

import psutil
import torch

# Of what is free when a worker starts; the rest is left to caches and to whatever else runs.
SHARE = 0.9
SAID_WITHOUT_MEMORY = (
    "DefaultCPUAllocator",
    "can't allocate memory",
    "Failed to allocate memory",
    "std::bad_alloc",
    "MemoryError",
)
CGROUP = Path("/sys/fs/cgroup")


def is_out_of_memory(error: MemoryError | RuntimeError) -> bool:
    """Whether memory ran out: on the CPU torch and ONNX Runtime say so in the message of a plain RuntimeError alone."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return any(words in str(error) for words in SAID_WITHOUT_MEMORY)


def limit_to_share(workers: int) -> None:
    """From now on this process gets one of so many equal shares of the memory that is free, or an error.

    Otherwise the kernel would kill a process when the machine's memory is used up, perhaps another one, and nothing
    would tell which architecture was too big. On systems that do not tell or limit it, nothing changes.
    """
    taken = _data_bytes()
    if taken is None:
        return
    limit = taken + int(SHARE * available() / workers)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def available() -> int:
    """Bytes that can still be had on this machine, or in this container if that has a limit."""
    free = psutil.virtual_memory().available
    most, used = CGROUP / "memory.max", CGROUP / "memory.current"
    if most.is_file() and used.is_file() and (text := most.read_text().strip()).isdecimal():
        free = min(free, int(text) - int(used.read_text()) + _cached())
    return max(0, int(free))


def room(device: str) -> int:
    """Bytes that a training of this process may still take: of its share, or of a GPU's memory."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    free = int(SHARE * available())
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return free if limit == resource.RLIM_INFINITY else max(0, min(free, limit - (_data_bytes() or 0)))


def _data_bytes() -> int | None:
    """What counts against a process's limit; None where the system does not tell."""
    present = Path("/proc/self/status")
    lines = present.read_text().splitlines() if present.is_file() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")), None)


def _cached() -> int:
    """Bytes of files that the kernel keeps in the container's memory until somebody needs it."""
    file = CGROUP / "memory.stat"
    lines = file.read_text().splitlines() if file.is_file() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("inactive_file ")), 0)
