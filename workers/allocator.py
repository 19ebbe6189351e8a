"""Settings of glibc's memory allocator for a process that trains; other C libraries are left as they are."""

import ctypes

# Parameters of mallopt(3), and the largest values that they take.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
MAX_TRIM_THRESHOLD, MAX_MMAP_THRESHOLD = 2**31 - 1, 2**30


class _Mallinfo2(ctypes.Structure):
    """The struct of mallinfo2(3), of whose fields `fordblks` is the total of free bytes."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def keep_freed_memory() -> None:
    """Have the process keep the memory that is freed, for its next tensors.

    Otherwise each step of a training gives its activations back to the system, and takes as many pages anew: a fifth of
    the time of a small network's step on a virtual machine.
    """
    mallopt = _function("mallopt")
    if mallopt is not None:
        mallopt(M_TRIM_THRESHOLD, MAX_TRIM_THRESHOLD)
        mallopt(M_MMAP_THRESHOLD, MAX_MMAP_THRESHOLD)


def kept_bytes() -> int:
    """The bytes of freed memory that the process keeps; 0 where the C library does not report them."""
    mallinfo2 = _function("mallinfo2")
    if mallinfo2 is None:
        return 0
    mallinfo2.restype = _Mallinfo2
    return int(mallinfo2().fordblks)


def _function(name: str) -> "ctypes._NamedFuncPointer | None":
    """The function of the C library; None where it has none of that name."""
    try:
        return getattr(ctypes.CDLL(None), name, None)
    except (OSError, TypeError):
        return None
