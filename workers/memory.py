"""How torch says that memory ran out."""

import torch


def is_out_of_memory(error: MemoryError | RuntimeError) -> bool:
    """Whether torch ran out of memory: on the CPU it says so in the message of a plain RuntimeError alone."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return "DefaultCPUAllocator" in str(error) or "can't allocate memory" in str(error)
