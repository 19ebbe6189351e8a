"""Memory: detection of errors by which it ran out, and a worker's share of a machine's memory."""

import resource
from pathlib import Path

import torch

from nas.latency.machine import available_bytes
from workers.allocator import kept_bytes

# The share of the free memory that workers may take; the rest is left to caches and to other processes.
SHARE = 0.9
OUT_OF_MEMORY_MESSAGES = (
    "DefaultCPUAllocator",
    "can't allocate memory",
    "Failed to allocate memory",
    "std::bad_alloc",
    "MemoryError",
    # oneDNN's, when it finds no memory for a kernel's code or scratchpad.
    "could not create a primitive",
)


def is_out_of_memory(error: MemoryError | RuntimeError) -> bool:
    """Whether memory ran out, which on the CPU only the message of torch's and ONNX Runtime's RuntimeError says."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return any(message in str(error) for message in OUT_OF_MEMORY_MESSAGES)


def limit_to_share(workers: int) -> None:
    """Limit this process to one of `workers` equal shares of the free memory; allocations beyond it raise an error.

    Without the limit the kernel would kill a process, perhaps another one, when the machine's memory is used up, and
    nothing would tell which architecture was too big. Does nothing on systems that do not report or limit memory.
    """
    used_bytes = _data_bytes()
    if used_bytes is None:
        return
    limit = used_bytes + int(SHARE * available_bytes() / workers)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def free_bytes(device: str) -> int:
    """The bytes that a training in this process may still allocate, of its share or of a GPU's memory."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    free = int(SHARE * available_bytes())
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if limit != resource.RLIM_INFINITY:
        free = max(0, min(free, limit - (_data_bytes() or 0)))
    return free + kept_bytes()


def _data_bytes() -> int | None:
    """The bytes that count against this process's limit; None where the system does not report them."""
    file = Path("/proc/self/status")
    lines = file.read_text().splitlines() if file.is_file() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")), None)
