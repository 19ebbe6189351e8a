"""CUDA graphs: kernels that were launched once, with allocations and kernel choices made, are replayed together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch

# Calls to make before a capture.
FIRST_CALLS = 3


@contextmanager
def side_stream() -> Iterator[None]:
    """Queue the block's work on another stream, after all work queued before it and before all work that follows."""
    stream = _second_stream(torch.cuda.current_device())
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        yield
    torch.cuda.current_stream().wait_stream(stream)


@cache
def _second_stream(device: int) -> torch.cuda.Stream:
    """The same stream for all blocks: libraries keep memory for each stream that they have worked on."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def captured(call: Callable[[], object]) -> torch.cuda.CUDAGraph:
    """Capture the kernels of a call without running them. Raises RuntimeError where the call waits for the device.

    FIRST_CALLS calls in a side stream must come before. Tensors that the call makes live as long as the graph, and each
    replay writes to them again.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        call()
    return graph
