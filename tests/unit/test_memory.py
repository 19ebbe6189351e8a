"""A worker's share of memory, in processes of their own: a limit cannot be raised again."""

import multiprocessing
import platform
import resource
from collections.abc import Callable

import pytest
import torch

from nas.latency.machine import available_bytes
from workers import memory
from workers.allocator import keep_freed_memory, kept_bytes
from workers.memory import is_out_of_memory, limit_to_share


def in_a_process(function: Callable[[], bool]) -> bool:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function)


def limited_runs_out() -> bool:
    """That an allocation beyond the share fails as torch says it, and a small one does not."""
    limit_to_share(max(1, available_bytes() // 2**30))
    torch.ones(2**20)
    try:
        torch.ones(2**32)
    except (MemoryError, RuntimeError) as error:
        return is_out_of_memory(error)
    return False


def test_beyond_its_share_a_worker_runs_out_of_memory() -> None:
    assert in_a_process(limited_runs_out)


def keeps_freed_memory() -> bool:
    """Check that tensors freed and made again take few new pages, and that what is kept counts as free."""
    keep_freed_memory()
    tensors = [torch.ones(2**21) for _ in range(32)]
    free_bytes, kept = memory.free_bytes("cpu"), kept_bytes()
    del tensors
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    is_kept = kept_bytes() - kept > 2**27 and memory.free_bytes("cpu") - free_bytes > 2**27
    again = [torch.ones(2**21) for _ in range(32)]
    pages = sum(tensor.nbytes for tensor in again) // resource.getpagesize()
    return is_kept and resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < pages / 2


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator is told to keep memory")
def test_freed_memory_is_kept() -> None:
    assert in_a_process(keeps_freed_memory)
